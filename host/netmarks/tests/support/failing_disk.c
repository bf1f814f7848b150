// A disk that fails: below the folder that FAILING_BELOW names, the call that the file FAILING_DISK names fails with the number
// beside it, such as "write 28", for as long as that file is there.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(const char *call, const char *path) {
    const char *file = getenv("FAILING_DISK"), *below = getenv("FAILING_BELOW");
    if (!file || !below || strncmp(path, below, strlen(below)) != 0) return 0;
    int descriptor = syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return 0;
    char text[64] = {0}, name[32];
    int number = 0;
    ssize_t length = syscall(SYS_read, descriptor, text, sizeof text - 1);
    syscall(SYS_close, descriptor);
    if (length <= 0 || sscanf(text, "%31s %d", name, &number) != 2 || strcmp(name, call) != 0) return 0;
    errno = number;
    return 1;
}

static int fails_at(const char *call, int descriptor) {
    char link[64], path[4096] = {0};
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    return readlink(link, path, sizeof path - 1) > 0 && fails(call, path);
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    return fails_at("write", descriptor) ? -1 : syscall(SYS_write, descriptor, bytes, length);
}

int fsync(int descriptor) {
    struct stat found;
    int folder = fstat(descriptor, &found) == 0 && S_ISDIR(found.st_mode);
    return fails_at(folder ? "fsync-folder" : "fsync", descriptor) ? -1 : syscall(SYS_fsync, descriptor);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    return (flags & O_CREAT) && fails("open", path) ? -1 : syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
