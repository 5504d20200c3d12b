package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/oauth2"
)

// gitHubAPI is where GitHub says who somebody is. gitHubVersion is the version of its
// answers: https://docs.github.com/rest/about-the-rest-api/api-versions.
const (
	gitHubAPI     = "https://api.github.com"
	gitHubVersion = "2022-11-28"
)

// gitHub is what GitHub would say about itself. It sends iss since 2026, but has
// announced it nowhere that a program could read, so a callback may lack it.
func gitHub(context.Context) (*configuration, error) {
	return &configuration{
		issuer: gitHubIssuer,
		endpoint: oauth2.Endpoint{
			AuthURL:   "https://github.com/login/oauth/authorize",
			TokenURL:  "https://github.com/login/oauth/access_token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}, nil
}

// byGitHub fills id from the API.
func (p *party) byGitHub(ctx context.Context, _ *configuration, id *Identity, _ string, _ time.Time) error {
	err := p.ask(ctx, id.Token, "/user", &id.Claims)
	var user struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
		Name  string `json:"name"`
	}
	if err == nil {
		err = json.Unmarshal(id.Claims, &user)
	}
	if err != nil || user.ID <= 0 {
		return fmt.Errorf("oauth: GitHub doesn't say who the user is (%v)", err)
	}
	id.Subject, id.Name = strconv.FormatInt(user.ID, 10), user.Name
	if id.Name == "" {
		id.Name = user.Login
	}
	var emails []struct {
		Email             string
		Primary, Verified bool
	}
	err = p.ask(ctx, id.Token, "/user/emails?per_page=100", &emails) // the most that a page has
	if errors.Is(err, errNotGranted) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("oauth: GitHub doesn't say what the user's addresses are: %w", err)
	}
	for _, e := range emails {
		if e.Primary {
			id.Email, id.EmailVerified = e.Email, e.Verified
		}
	}
	return nil
}

// errNotGranted is returned by ask for what the user, or the owner of the application,
// didn't allow.
var errNotGranted = errors.New("oauth: not granted")

// ask gets a document of the API.
func (p *party) ask(ctx context.Context, token *oauth2.Token, path string, v any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, gitHubAPI+path, nil)
	if err != nil {
		return err
	}
	token.SetAuthHeader(r)
	r.Header.Set("Accept", "application/vnd.github+json")
	r.Header.Set("X-GitHub-Api-Version", gitHubVersion)
	res, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
		return json.NewDecoder(res.Body).Decode(v)
	case http.StatusForbidden, http.StatusNotFound:
		return errNotGranted
	}
	return fmt.Errorf("oauth: status %d", res.StatusCode)
}
