package howto

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/sqlkv"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)
