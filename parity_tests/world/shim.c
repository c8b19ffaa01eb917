/* Preloaded: makes one of the calls that write below a folder fail, or end the process.
 *
 * `arm` says which: the `nth` of those calls that change a file or a folder. `times` 1 fails it
 * alone, 0 from there on, as a full disk does, which takes half of a write first. `error` is an
 * errno; 0 ends the process in the middle of the call, as `kill -9` and a power cut do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static char folder[PATH_MAX];
static int nth, times, error, *count;

/* `counter` is told how many there were, and may lie in memory that a parent reads. */
void arm(const char *below, int which, int how_often, int number, int *counter)
{
    strncpy(folder, below, sizeof folder - 1);
    nth = which, times = how_often, error = number, count = counter;
}

static long jump;

/* From now on the clock on the wall jumps to and fro by so many seconds. */
void unsettle(long seconds) { jump = seconds; }

static int inside(const char *path)
{
    char here[PATH_MAX];
    if (!*folder || !path) return 0;
    if (*path != '/' && getcwd(here, sizeof here)) path = here;
    return !strncmp(path, folder, strlen(folder));
}

static int inside_fd(int fd)
{
    char name[64], path[PATH_MAX];
    if (!*folder) return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return inside(path);
}

/* Whether this call is to fail; it does not come back where the process is to end. */
static int due(void)
{
    ++*count;
    if (!nth || *count < nth || (times && *count >= nth + times)) return 0;
    if (!error) kill(getpid(), SIGKILL);
    errno = error;
    return 1;
}

static int cuts(void) { return *count + 1 == nth && (!error || !times); }

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))
#define HOLD(name, where, result, parameters, ...)  \
    result name parameters                          \
    {                                               \
        if ((where) && due()) return -1;              \
        return REAL(name)(__VA_ARGS__);             \
    }

#define OPEN(name, where, head, ...)                            \
    int name(head const char *path, int flags, ...)             \
    {                                                           \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        mode_t mode = va_arg(rest, mode_t);                     \
        va_end(rest);                                           \
        int writes = flags & (O_WRONLY | O_RDWR | O_CREAT);     \
        if (writes && (where) && due()) return -1;                \
        return REAL(name)(__VA_ARGS__, flags, mode);            \
    }
#define NOTHING
OPEN(open, inside(path), NOTHING, path)
OPEN(open64, inside(path), NOTHING, path)
#define AT int at,
OPEN(openat, inside(path), AT, at, path)
OPEN(openat64, inside(path), AT, at, path)

ssize_t write(int fd, const void *data, size_t size)
{
    if (inside_fd(fd)) {
        if (cuts() && size > 1) {
            ssize_t half = REAL(write)(fd, data, size / 2);
            if (error) return ++*count, half;
        }
        if (due()) return -1;
    }
    return REAL(write)(fd, data, size);
}

int close(int fd)
{
    int writes = *folder && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY && inside_fd(fd);
    int failed = writes && due();
    int found = REAL(close)(fd);
    if (failed) errno = error;
    return failed ? -1 : found;
}

HOLD(pwrite64, inside_fd(fd), ssize_t, (int fd, const void *d, size_t n, off64_t o), fd, d, n, o)
HOLD(writev, inside_fd(fd), ssize_t, (int fd, const struct iovec *v, int n), fd, v, n)
HOLD(copy_file_range, inside_fd(b), ssize_t,
     (int a, off64_t *x, int b, off64_t *y, size_t n, unsigned f), a, x, b, y, n, f)
ssize_t sendfile64(int, int, off64_t *, size_t);
HOLD(sendfile64, inside_fd(b), ssize_t, (int b, int a, off64_t *o, size_t n), b, a, o, n)
HOLD(fsync, inside_fd(fd), int, (int fd), fd)
HOLD(fdatasync, inside_fd(fd), int, (int fd), fd)
HOLD(ftruncate64, inside_fd(fd), int, (int fd, off64_t n), fd, n)
HOLD(fchmod, inside_fd(fd), int, (int fd, mode_t m), fd, m)
HOLD(chmod, inside(p), int, (const char *p, mode_t m), p, m)
HOLD(fchmodat, inside(p), int, (int a, const char *p, mode_t m, int f), a, p, m, f)
HOLD(mkdir, inside(p), int, (const char *p, mode_t m), p, m)
HOLD(mkdirat, inside(p), int, (int a, const char *p, mode_t m), a, p, m)
HOLD(rename, inside(b), int, (const char *a, const char *b), a, b)
HOLD(renameat, inside(q), int, (int a, const char *p, int b, const char *q), a, p, b, q)
HOLD(unlink, inside(p), int, (const char *p), p)
HOLD(unlinkat, inside(p) || inside_fd(a), int, (int a, const char *p, int f), a, p, f)
HOLD(rmdir, inside(p), int, (const char *p), p)
HOLD(symlink, inside(b), int, (const char *a, const char *b), a, b)
HOLD(link, inside(b), int, (const char *a, const char *b), a, b)

int clock_gettime(clockid_t which, struct timespec *now)
{
    int found = REAL(clock_gettime)(which, now);
    if (which == CLOCK_REALTIME && jump) now->tv_sec += jump = -jump;
    return found;
}
