/* Preloaded into a process that is to be killed: counts what it changes below some folders, and kills it at one of them.
 *
 * A point lies before every open that writes, write, rename, unlink, mkdir, rmdir, truncate and fsync, and within every
 * write of more than one byte, which is then torn in the middle. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[4096];
static atomic_long left = -1, seen = 0;

/* Kill this process at the point of that number below the folder; one beyond the last only counts. */
void crash_arm(const char *below, long number) {
    snprintf(folder, sizeof folder, "%s", below);
    seen = 0;
    left = number;
}

long crash_seen(void) { return seen; }

static int below(const char *path) { return folder[0] && path && strncmp(path, folder, strlen(folder)) == 0; }

static int open_below(int descriptor) {
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

static int at_below(int at, const char *path) {
    return path && path[0] == '/' ? below(path) : at != AT_FDCWD && open_below(at);
}

static int reached(void) {
    seen++;
    return atomic_fetch_sub(&left, 1) == 1;
}

static void point(void) {
    if (reached()) kill(getpid(), SIGKILL);
}

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define AT_PATH(condition, name, ...) do { REAL(name); if (condition) point(); return real(__VA_ARGS__); } while (0)
#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

#define OPEN(name)                                                                \
    int name(const char *path, int flags, ...) {                                  \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        AT_PATH((flags & WRITES) && below(path), name, path, flags, mode);        \
    }
#define OPENAT(name)                                                              \
    int name(int at, const char *path, int flags, ...) {                          \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        AT_PATH((flags & WRITES) && at_below(at, path), name, at, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int descriptor, const void *from, size_t count) {
    REAL(write);
    if (open_below(descriptor)) {
        point();
        if (count > 1 && reached()) {
            real(descriptor, from, count / 2);
            kill(getpid(), SIGKILL);
        }
    }
    return real(descriptor, from, count);
}

#define PWRITE(name, kind)                                                        \
    ssize_t name(int descriptor, const void *from, size_t count, kind offset) {   \
        AT_PATH(open_below(descriptor), name, descriptor, from, count, offset);   \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int descriptor, const struct iovec *from, int count) {
    AT_PATH(open_below(descriptor), writev, descriptor, from, count);
}
int rename(const char *from, const char *to) { AT_PATH(below(to) || below(from), rename, from, to); }
int renameat(int at, const char *from, int to_at, const char *to) {
    AT_PATH(at_below(to_at, to) || at_below(at, from), renameat, at, from, to_at, to);
}
int unlink(const char *path) { AT_PATH(below(path), unlink, path); }
int unlinkat(int at, const char *path, int flags) { AT_PATH(at_below(at, path), unlinkat, at, path, flags); }
int mkdir(const char *path, mode_t mode) { AT_PATH(below(path), mkdir, path, mode); }
int rmdir(const char *path) { AT_PATH(below(path), rmdir, path); }
int fsync(int descriptor) { AT_PATH(open_below(descriptor), fsync, descriptor); }
int fdatasync(int descriptor) { AT_PATH(open_below(descriptor), fdatasync, descriptor); }
int ftruncate(int descriptor, off_t length) { AT_PATH(open_below(descriptor), ftruncate, descriptor, length); }
int ftruncate64(int descriptor, off64_t length) { AT_PATH(open_below(descriptor), ftruncate64, descriptor, length); }
