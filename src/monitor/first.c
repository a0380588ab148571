/* first.c - the first process of a pod's process ids: it reaps, and gives nobody who looks at it anything.
 *
 * The containers of the pod see it as process 1, and one that may trace processes would find the host behind
 * /proc/1/root, and rights to take over. So it has an empty root and no rights.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compat.h"
#include "monitor/monitor.h"

#define NOBODY 65534

/* Any directory will do as the place of the new root. */
static int empty_root(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=2,mode=0") < 0 ||
	    chdir("/proc") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return -1;
	return chdir("/");
}

static int drop_rights(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
	    syscall(SYS_capset, &head, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int monitor_first(int go)
{
	siginfo_t info;
	sigset_t set;
	char byte;

	(void)sigfillset(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (empty_root() < 0 || drop_rights() < 0 || read(go, &byte, 1) != 1)
		return 1;
	(void)close_range(0, ~0u, 0);
	for (;;) {
		(void)sigwaitinfo(&set, &info);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
