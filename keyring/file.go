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
	// settled is how far from now a file's modification time must be before an
	// unchanged stat is taken to mean an unchanged file. File systems stamp in
	// steps of up to two seconds (FAT), and two writes in one step look like one.
	settled = 2 * time.Second

	// lockWait bounds how long Update waits for another writer, and lockPoll is
	// how often it looks. A writer holds the lock for one small write, so ten
	// seconds mean that it hangs.
	lockWait = 10 * time.Second
	lockPoll = 5 * time.Millisecond

	// The mode bits that matter: a key file that others can write is no secret
	// at all, one that others can read is at least worth a word.
	othersWrite = 0o022
	othersRead  = 0o044
)

// Faults of a key file that the operating system does not report by itself.
var (
	errNotRegular = errors.New("not a regular file")
	errWritable   = errors.New("writable by its group or by everyone: chmod go-w")
	errReadable   = errors.New("readable by its group or by everyone; loaded all the same, as secret mounts are like that")
	errMounted    = fmt.Errorf("%w: it is mounted by itself, and a mount cannot be replaced: mount its directory", syscall.EBUSY)
	errReplaced   = errors.New("replaced outside of a mount that goes on showing the former file: mount its directory, not the file by itself")
	errLocked     = errors.New("another process has been changing the key file for 10 seconds; if none is, remove the lock file")
)

// A File is a [Source] that reads a JWK Set from a file and notices when the
// file changes, without a goroutine: a process that was frozen and thawed, as
// serverless processes are, needs nothing to catch up but the next request.
//
// [File.At] looks at the file's inode, size and modification time at most once
// per second of the time it is given, [File.Refresh] always; the file is read
// only if one of them changed. A file that cannot be read, or breaks any rule of
// [Parse], or may be written by others, changes nothing: the last good ring
// stays, and onError is told once per fault. So it is of a file that was replaced
// where this process cannot see it, because it is mounted by itself and not with
// its directory. Keys that are still there after a
// reload keep their counters and what [Key.Cache] remembers.
//
// It is safe for concurrent use; no caller of At waits for another one's reload.
// It must not be copied. The zero File and a nil *File have no ring: nothing
// opens and nothing seals. Use [OpenFile].
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

// OpenFile reads a key file and returns a Source that follows it. A first load
// that fails is an error: there is no last good ring yet. Errors are of type
// [*fs.PathError], around a [*ParseError] where the contents are at fault.
//
// Use [OpenOrCreateFile] where there may be no file yet.
//
// onError hears of later faults, one call each, and of a file that others can
// read. It runs on the goroutine of a request and may be called by several at
// once; nil is allowed and means that nobody wants to know.
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

// CreateFile writes the ring to a new file of mode 0600. It never overwrites:
// if there is anything at path, the error is [fs.ErrExist]. A ring without keys
// is refused.
//
// The file appears with all its contents: of two processes that start at once,
// one creates it and the other can read it. (Where the file system has no hard
// links, it appears empty first.)
func CreateFile(path string, r *Keyring) error {
	if r.empty() {
		return &fs.PathError{Op: "create", Path: path, Err: ErrNoKey}
	}
	temp := tempName(path)
	if _, err := writeNew(temp, r); err != nil {
		return err
	}
	defer os.Remove(temp)
	// A link, because a rename would overwrite.
	err := os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		_, err = writeNew(path, r)
	}
	if err == nil {
		syncDir(filepath.Dir(path))
	}
	return err
}

// A Created is what [OpenOrCreateFile] tells onError when it has made the key file.
// It's no fault. But a key file that appears where one was expected, on a new
// machine or after a lost mount, means that every session there was has ended.
type Created struct {
	Path  string
	KeyID string // of the one key in it
}

// Error says what was made, where, and for whom.
func (c *Created) Error() string {
	return "keyring: made " + c.Path + " with a new key, " + c.KeyID +
		": sessions under it work on this one machine; several machines need one file, or FromSecrets"
}

// OpenOrCreateFile is [OpenFile], and makes the file first if it isn't there: mode
// 0600, with one new random key. It then tells onError, by a [*Created].
//
// It's for one machine, for the first start of a program and for development. Two
// machines that each make a file of their own don't read each other's sessions, and
// a container without a volume makes another one each time it starts. Of two
// processes on one machine that start at once, one makes the file and both use it.
//
// The directory must exist. A file that is there but at fault is never replaced.
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

// At returns the ring of the file as it stands at now; nil for the zero time.
func (f *File) At(now time.Time) *Keyring {
	if f == nil || now.IsZero() {
		return nil
	}
	sec, last := now.Unix(), f.checked.Load()
	// One second back is another goroutine that read the clock earlier; more is
	// a clock that was set back, which must not stop us from looking.
	if (sec > last || sec < last-1) && f.checked.CompareAndSwap(last, sec) && f.mu.TryLock() {
		err := f.look()
		f.mu.Unlock()
		f.report(err)
	}
	return f.ring.Load().At(now)
}

// Refresh looks at the file at once and returns its ring as it stands at now;
// nil for the zero time. A session store calls it when a cookie names a key that
// the ring lacks.
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

// load is a look whose fault is returned, for the first one.
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

// report tells onError, outside of the lock so that it may use the File.
func (f *File) report(err error) {
	if err != nil && f.onError != nil {
		f.onError(err)
	}
}

// look stats the file and reloads it if it changed. It returns what is to be
// reported: a fault that was not reported last time.
func (f *File) look() error {
	info, err := os.Stat(f.path) // follows links: secret mounts swap a link
	switch {
	case err != nil:
		f.seen = nil // whatever comes back is to be read
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

// unchanged reports whether the file is the one last read. A file that was
// written just before it was read may have been written again since, within one
// step of the file system's clock; such a file counts as changed until it rests.
func (f *File) unchanged(info fs.FileInfo) bool {
	return f.seen != nil && os.SameFile(f.seen, info) &&
		f.seen.Size() == info.Size() && f.seen.ModTime().Equal(info.ModTime()) &&
		f.seen.Mode() == info.Mode() &&
		f.read.Sub(info.ModTime()).Abs() > settled
}

// orphaned reports whether the file at path has lost its name. A path leads to
// such a file for a moment while a rename is under way, and for good only through
// a mount of the file by itself (a bind mount, subPath in Kubernetes) whose
// original was replaced: the new file will never show here. Some file systems
// count no names at all, so the file must have had one before.
func (f *File) orphaned(info fs.FileInfo) bool {
	switch {
	case !hasNoName(info):
		f.named, f.nameless = true, time.Time{}
	case f.nameless.IsZero() && f.named:
		f.nameless = time.Now()
	}
	return !f.nameless.IsZero() && time.Since(f.nameless) > settled
}

// reload reads the file and makes its ring the current one, or leaves all as it
// is and says why. A file that was read is not read again until it changes; one
// that could not be opened or read is tried again at every look, because what
// stands in the way (an owner, a mount, a disk) need not show in a stat.
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

// adopt makes r the current ring, with what its keys share with the one before.
// The same keys again keep the ring's address, so that a touched file is no change.
func (f *File) adopt(r *Keyring) { f.ring.Store(r.inherit(f.ring.Load())) }

// Update changes the file: it locks, reads the file afresh, gives the ring in it
// to change, as it stands now, and writes what change returns: to a temporary
// file of mode 0600, synced, then renamed over the old one. A reader sees the old
// file or the new one, never a part. The new ring is in effect here when Update
// returns, and elsewhere within a second.
//
// Because reading and writing happen under one lock, two processes that rotate
// at the same time lose no key: the second starts from what the first wrote.
// The lock is the file path.lock next to the key file, taken with flock where
// the system has it and otherwise by creating it. Update waits for at most ten
// seconds, then fails.
//
//	err := file.Update((*keyring.Keyring).Rotate)
//
// If change fails, its error is returned and nothing is written, nor if it
// returns the ring that it was given. A file at fault is an error too: it is not
// overwritten. If path is a symbolic link, the file that it points to is
// replaced. A file that is mounted by itself cannot be replaced: mount its
// directory. change must not call Update on the same file.
func (f *File) Update(change func(*Keyring) (*Keyring, error)) error {
	if f == nil || f.path == "" {
		return ErrNoKey
	}
	target, err := filepath.EvalSymlinks(f.path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(target); err != nil || !info.Mode().IsRegular() {
		return f.pathError(cmp.Or(err, errNotRegular)) // leave no lock file next to a device
	}
	unlock, err := lock(target + ".lock")
	if err != nil {
		return err
	}
	defer unlock()

	r, _, err := readFile(target)
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
	return f.replace(target, after)
}

// replace puts a new file in the place of target and makes its ring current.
func (f *File) replace(target string, r *Keyring) error {
	temp := tempName(target)
	info, err := writeNew(temp, r)
	if err != nil {
		return err
	}
	// Under mu, so that no reload that began before the rename ends after it.
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := os.Rename(temp, target); err != nil {
		os.Remove(temp)
		if errors.Is(err, syscall.EBUSY) { // rename(2): of a regular file, a mount point
			err = &fs.PathError{Op: "replace", Path: target, Err: errMounted}
		}
		return err
	}
	syncDir(filepath.Dir(target))
	// info is of the file as we wrote it. A stat of the path could already be of
	// somebody else's, which would then never be read.
	f.seen, f.read, f.fault = info, time.Now(), ""
	f.adopt(r)
	return nil
}

// tempName is a name for the file that becomes path. It is random, so that a
// leftover of a crash does not stop the next writer, and in the directory of
// path, because links and renames work within one file system.
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
	file, err := os.Open(path)
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

// others reports whether a file's mode has one of these bits. Windows has no
// such bits; Go makes some up there.
func others(info fs.FileInfo, bits fs.FileMode) bool {
	return runtime.GOOS != "windows" && info.Mode()&bits != 0
}

// writeNew writes a ring to a file that must not exist, down to the disk.
func writeNew(path string, r *Keyring) (info fs.FileInfo, err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = file.Write(append(r.JWKSet(), '\n'))
	if err == nil {
		// Without it a power cut can leave the new name and no contents.
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

// syncDir makes a rename last through a power cut, where directories can be
// synced. Where they cannot, there is nothing to be done about it.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}

// lock takes the lock file, waiting for at most lockWait.
func lock(path string) (unlock func(), err error) {
	for end := time.Now().Add(lockWait); ; time.Sleep(lockPoll) {
		unlock, err := tryLock(path)
		if unlock != nil || err != nil {
			return unlock, err
		}
		if time.Now().After(end) {
			return nil, &fs.PathError{Op: "lock", Path: path, Err: errLocked}
		}
	}
}

// pathError names the file in a fault that does not name it yet.
func (f *File) pathError(err error) error {
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		return err
	}
	return &fs.PathError{Op: "load", Path: f.path, Err: err}
}
