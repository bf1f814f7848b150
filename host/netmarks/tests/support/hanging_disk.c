// A disk that hangs: fsync and fdatasync wait as long as the file that HANGING_DISK names is there.
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>

static void hang(void) {
    const char *file = getenv("HANGING_DISK");
    while (file && access(file, F_OK) == 0) usleep(10 * 1000);
}

int fsync(int descriptor) {
    hang();
    return syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor) {
    hang();
    return syscall(SYS_fdatasync, descriptor);
}
