package keyring

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// settled is how far a file's modification time must be from now before an
	// unchanged stat means an unchanged file. File systems keep times in steps of up to
	// two seconds (FAT), and two writes in one step look like one.
	settled = 2 * time.Second

	// lockWait is how long Update waits for another writer, and lockPoll is how often
	// it looks. A writer holds the lock for one small write. If that takes ten seconds,
	// the writer hangs.
	lockWait = 10 * time.Second
	lockPoll = 5 * time.Millisecond

	// The mode bits that matter. A key file that others can write to can't be trusted,
	// and one that others can read is worth a warning.
	othersWrite = 0o022
	othersRead  = 0o044
	groupRead   = 0o040
)

// Faults of a key file that the operating system doesn't report.
var (
	errNotRegular = errors.New("not a regular file")
	errWritable   = errors.New("writable by its group or by everyone: chmod go-w")
	errReadable   = errors.New("readable by its group or by everyone; loaded all the same, as secret mounts are like that")
	errMounted    = fmt.Errorf("%w: it is mounted by itself, and a mount cannot be replaced: mount its directory", syscall.EBUSY)
	errReplaced   = errors.New("replaced outside of a mount that goes on showing the former file: mount its directory, not the file by itself")
	errLocked     = errors.New("another process has been changing the key file for 10 seconds; if none is, remove the lock file")
)

// A File is a [Source] that reads a JWK Set from a file and notices when the file
// changes. It doesn't need a goroutine: a process that was frozen and thawed, as
// serverless processes are, catches up with its next request.
//
// [File.At] checks the file's inode, size and modification time at most once per
// second, by the time it is given. [File.Refresh] always checks. The file is read
// only if one of them changed.
//
// If the file can't be read, breaks any rule of [Parse], or can be written by others,
// nothing changes: the last good ring stays, and onError is told once per fault. On
// Windows a file has no mode bits to check: it is as safe as the access control list
// that it inherits from its directory.
// onError is also told if the file was replaced where this process can't see it,
// because it is mounted by itself rather than with its directory. Keys that are still
// there after a reload keep their counters and their [Key.Cache].
//
// A File is safe for concurrent use. No caller of At waits for another caller's
// reload. A File must not be copied. The zero File and a nil *File have no ring: they
// open nothing and seal nothing. Use [OpenFile].
type File struct {
	path    string
	onError func(error)

	ring    atomic.Pointer[Keyring]
	checked atomic.Int64 // Unix second of the last look, by the given now

	// mu is held for a look at the file and a reload, and guards what follows.
	mu       sync.Mutex
	seen     fs.FileInfo // the file as last read, good or bad; nil: none
	read     time.Time   // when that was
	fault    string      // the fault last reported; "" after a good load
	readable bool        // that others can read the file was reported
	named    bool        // the file was seen with a name, so it can lose it
	nameless time.Time   // since when it has had none; zero: it has one
}

var _ Source = (*File)(nil)

// OpenFile reads a key file and returns a Source that follows it. If the first load
// fails, OpenFile returns an error, because there is no last good ring yet. Errors
// are of type [*fs.PathError], wrapping a [*ParseError] if the contents are at fault.
//
// If the file may not exist yet, use [OpenOrCreateFile].
//
// onError is called once for each later fault, and for a file that others can read. It
// runs on the goroutine of a request, possibly in several at once. If it is nil, faults
// are ignored.
func OpenFile(path string, onError func(error)) (*File, error) {
	f, err := openFile(path, onError)
	if named := (*fs.PathError)(nil); errors.Is(err, fs.ErrNotExist) && errors.As(err, &named) {
		named.Err = fmt.Errorf("%w: CreateFile or OpenOrCreateFile makes one", named.Err)
	}
	return f, err
}

func openFile(path string, onError func(error)) (*File, error) {
	f := &File{path: path, onError: onError}
	if err := f.load(); err != nil {
		return nil, err
	}
	return f, nil
}

// CreateFile writes the ring to a new file of mode 0600. It never overwrites a file:
// if there is anything at path, the error is [fs.ErrExist]. It refuses a ring without
// keys.
//
// The file appears with all its contents, so if two processes start at once, one
// creates it and the other can read it. (If the file system has no hard links, the
// file is empty at first.)
func CreateFile(path string, r *Keyring) error {
	if r.empty() {
		return &fs.PathError{Op: "create", Path: path, Err: ErrNoKey}
	}
	temp := tempName(path)
	if _, err := writeNew(temp, r, nil); err != nil {
		if named := (*fs.PathError)(nil); errors.Is(err, fs.ErrNotExist) && errors.As(err, &named) {
			named.Path, named.Err = path, fmt.Errorf("%w: make its directory first", named.Err)
		}
		return err
	}
	defer remove(temp)
	// Use a link, because a rename would overwrite.
	err := os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		_, err = writeNew(path, r, nil)
	}
	if err == nil {
		syncDir(filepath.Dir(path))
	}
	return err
}

// A Created is what [OpenOrCreateFile] passes to onError when it has made the key
// file. It isn't a fault. But if you expected the file to exist, for example because
// it is on a mount that got lost, it means that all sessions have ended.
type Created struct {
	Path  string
	KeyID string // of the one key in it
}

// Error says what was made and where.
func (c *Created) Error() string {
	return "keyring: made " + c.Path + " with a new key, " + c.KeyID +
		": sessions under it work on this one machine; several machines need one file, or FromSecrets"
}

// OpenOrCreateFile is like [OpenFile], but if there is no file it first makes one, with
// mode 0600 and one new random key. It then passes a [*Created] to onError.
//
// It's for a single machine: for the first start of a program, and for development.
// If two machines each make a file, neither can read the other's sessions, and a
// container without a volume makes a new file each time it starts. If two processes
// on one machine start at once, one makes the file and both use it.
//
// The directory must exist. A file that exists but is faulty is never replaced.
func OpenOrCreateFile(path string, onError func(error)) (*File, error) {
	f, err := openFile(path, onError)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	ring := Generate()
	created := CreateFile(path, ring)
	if created != nil && !errors.Is(created, fs.ErrExist) {
		return nil, created
	}
	f, err = openFile(path, onError)
	if err == nil && created == nil {
		f.report(&Created{path, ring.Primary().ID()})
	}
	return f, err
}

// At returns the file's ring as of now. For the zero time it returns nil.
func (f *File) At(now time.Time) *Keyring {
	if f == nil || now.IsZero() {
		return nil
	}
	sec, last := now.Unix(), f.checked.Load()
	// One second back means that another goroutine read the clock earlier. More means
	// that the clock was set back, which must not keep us from looking.
	if (sec > last || sec < last-1) && f.checked.CompareAndSwap(last, sec) && f.mu.TryLock() {
		err := f.look()
		f.mu.Unlock()
		f.report(err)
	}
	return f.ring.Load().At(now)
}

// Refresh looks at the file at once and returns its ring as of now. For the zero time
// it returns nil. A session store calls it when a cookie names a key that isn't in
// the ring.
func (f *File) Refresh(now time.Time) *Keyring {
	if f == nil || now.IsZero() {
		return nil
	}
	f.mu.Lock()
	err := f.look()
	f.mu.Unlock()
	f.report(err)
	return f.ring.Load().At(now)
}

// load looks at the file for the first time, and returns its fault.
func (f *File) load() error {
	f.mu.Lock()
	err := f.look()
	fault := f.ring.Load() == nil
	f.mu.Unlock()
	if fault {
		return err
	}
	f.report(err)
	return nil
}

// report calls onError, without holding the lock so that onError can use the File.
func (f *File) report(err error) {
	if err != nil && f.onError != nil {
		f.onError(err)
	}
}

// look stats the file and reloads it if it has changed. It returns the fault to report,
// unless that was already reported last time.
func (f *File) look() error {
	info, err := os.Stat(f.path) // follows links: secret mounts swap a link
	switch {
	case err != nil:
		f.seen = nil // read whatever comes back
	case !f.unchanged(info):
		err = f.reload()
	case !f.orphaned(info):
		return nil
	}
	if err == nil && f.orphaned(info) {
		err = f.pathError(errReplaced)
	}
	if err != nil {
		if f.fault == err.Error() {
			return nil
		}
		f.fault = err.Error()
		return err
	}
	f.fault = ""
	if others(f.seen, othersRead) && !f.readable {
		f.readable = true
		return f.pathError(errReadable)
	}
	return nil
}

// unchanged reports whether the file is the one that was last read. A file that was
// written just before it was read may have been written again since, within one step of
// the file system's clock. Such a file counts as changed until it settles.
func (f *File) unchanged(info fs.FileInfo) bool {
	return f.seen != nil && os.SameFile(f.seen, info) &&
		f.seen.Size() == info.Size() && f.seen.ModTime().Equal(info.ModTime()) &&
		f.seen.Mode() == info.Mode() &&
		f.read.Sub(info.ModTime()).Abs() > settled
}

// orphaned reports whether the file at path has lost its name. During a rename, a
// path leads to such a file for a moment. It does so for good only if the file is
// mounted by itself (a bind mount, subPath in Kubernetes) and the original was
// replaced: then the new file will never show up here. Some file systems don't count
// names at all, so the file must have had one before.
func (f *File) orphaned(info fs.FileInfo) bool {
	switch {
	case !hasNoName(info):
		f.named, f.nameless = true, time.Time{}
	case f.nameless.IsZero() && f.named:
		f.nameless = time.Now()
	}
	return !f.nameless.IsZero() && time.Since(f.nameless) > settled
}

// reload reads the file and makes its ring current, or changes nothing and says why.
// A file that was read isn't read again until it changes. A file that couldn't be
// opened or read is tried again on every look, because the obstacle (an owner, a
// mount, a disk) may not show in a stat.
func (f *File) reload() error {
	f.read = time.Now()
	r, opened, err := readFile(f.path)
	f.seen = opened
	if err != nil {
		return f.pathError(err)
	}
	f.adopt(r)
	return nil
}

// adopt makes r the current ring. Keys that were in the previous ring keep what they
// have. If all keys are the same, the ring keeps its address, so a touched file isn't a
// change.
func (f *File) adopt(r *Keyring) { f.ring.Store(r.inherit(f.ring.Load())) }

// Update changes the file. It takes a lock, reads the file again, passes its current
// ring to change, and writes what change returns to a temporary file, which it syncs and
// renames over the old one. Readers see the old file or the new one, never a mixture. The
// new ring is in effect here when Update returns, and elsewhere within a second.
//
// The new file has the owner and the group of the old one, if this process may give it to
// them, as root may. Otherwise it belongs to this process. Its mode is 0600, or 0640 if the
// group could read the old one and still has it.
//
// Reading and writing happen under one lock, so no key is lost if two processes
// rotate at the same time: the second starts from what the first wrote. The lock is
// the file path.lock next to the key file. It is taken with flock, on Windows by opening
// the file for itself alone, and by creating it on systems that have neither. Update
// waits for at most ten seconds, then fails.
//
//	err := file.Update((*keyring.Keyring).Rotate)
//
// If change fails, Update returns its error and writes nothing. It also writes
// nothing if change returns the ring it was given. If the file is faulty, Update
// returns an error and doesn't overwrite it. If path is a symbolic link, the file
// that it points to is replaced. A file that is mounted by itself can't be replaced,
// so mount its directory. change must not call Update on the same file.
func (f *File) Update(change func(*Keyring) (*Keyring, error)) error {
	if f == nil || f.path == "" {
		return ErrNoKey
	}
	target, err := filepath.EvalSymlinks(f.path)
	if err != nil {
		return err
	}
	old, err := os.Stat(target)
	if err != nil || !old.Mode().IsRegular() {
		return f.pathError(cmp.Or(err, errNotRegular)) // leave no lock file next to a device
	}
	unlock, err := lock(target+".lock", old)
	if err != nil {
		return err
	}
	defer unlock()

	r, old, err := readFile(target)
	if err != nil {
		return f.pathError(err)
	}
	before := r.inherit(f.ring.Load()).At(time.Now())
	after, err := change(before)
	if err != nil || after == before {
		return err
	}
	if after.empty() {
		return ErrNoKey
	}
	return f.replace(target, after, old)
}

// replace replaces target, which is old, by a new file and makes its ring current.
func (f *File) replace(target string, r *Keyring, old fs.FileInfo) error {
	temp := tempName(target)
	info, err := writeNew(temp, r, old)
	if err != nil {
		return err
	}
	// Hold mu, so that no reload that began before the rename ends after it.
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := rename(temp, target); err != nil {
		remove(temp)
		if errors.Is(err, syscall.EBUSY) { // rename(2): of a regular file, a mount point
			err = &fs.PathError{Op: "replace", Path: target, Err: errMounted}
		}
		return err
	}
	syncDir(filepath.Dir(target))
	// info describes the file as we wrote it. A stat of the path might already describe
	// somebody else's file, which would then never be read.
	f.seen, f.read, f.fault = info, time.Now(), ""
	f.adopt(r)
	return nil
}

// tempName returns a name for the file that will become path. It is random, so that a
// file left over from a crash doesn't stop the next writer. It is in the directory of
// path, because links and renames only work within one file system.
func tempName(path string) string { return path + "." + rand.Text() + ".tmp" }

// readFile reads and parses a key file. It also returns the stat of what it read,
// or nil if it read nothing.
func readFile(path string) (*Keyring, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() { // before opening: opening a pipe would block
		return nil, nil, errNotRegular
	}
	file, err := open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, nil, err
	}
	if others(info, othersWrite) {
		return nil, info, errWritable
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSetLen+1)) // Parse refuses the one byte more
	if err != nil {
		return nil, nil, err
	}
	r, err := Parse(string(text))
	if parse := (*ParseError)(nil); errors.As(err, &parse) && parse.Rule == ruleBlank {
		parse.Rule = ruleBlankFile // no variable here
	}
	return r, info, err
}

// others reports whether a file's mode has one of these bits. Windows doesn't have such
// bits, and Go invents some there.
func others(info fs.FileInfo, bits fs.FileMode) bool {
	return runtime.GOOS != "windows" && info.Mode()&bits != 0
}

// writeNew writes a ring to a file that must not exist yet, and syncs it. If there is an
// old file in its place, whom that belongs to gets the new one.
func writeNew(path string, r *Keyring, old fs.FileInfo) (info fs.FileInfo, err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if old != nil && handOver(file, old) == nil && others(old, groupRead) {
		_ = file.Chmod(0o600 | groupRead) // whoever may give it away may do this, too
	}
	_, err = file.Write(append(r.JWKSet(), '\n'))
	if err == nil {
		// Without this, a power cut can leave the new name without contents.
		err = file.Sync()
	}
	if err == nil {
		info, err = file.Stat()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(path)
		return nil, err
	}
	return info, nil
}

// syncDir makes a rename survive a power cut, if directories can be synced. If they
// can't, nothing can be done about it.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}

// lock takes the lock file of a key file. It waits for at most lockWait.
func lock(path string, key fs.FileInfo) (unlock func(), err error) {
	for end := time.Now().Add(lockWait); ; time.Sleep(lockPoll) {
		unlock, err := tryLock(path, key)
		if unlock != nil || err != nil {
			return unlock, err
		}
		if time.Now().After(end) {
			return nil, &fs.PathError{Op: "lock", Path: path, Err: errLocked}
		}
	}
}

// pathError adds the file's name to a fault that doesn't have it yet.
func (f *File) pathError(err error) error {
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		return err
	}
	return &fs.PathError{Op: "load", Path: f.path, Err: err}
}
