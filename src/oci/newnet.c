/* newnet.c - a thread that makes a network namespace.
 *
 * A thread and not a process, because a copy of our memory would cost as much as it
 * saves. It shares that memory, but is none of the C library's: it has no thread-local storage of its own, so it
 * calls nothing that could touch errno or the heap. System calls are made directly, all it knows lies on its stack.
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "oci/newnet.h"
#include "oci/sync.h"

#define STACK_BYTES 16384

#if defined(__x86_64__) || defined(__aarch64__)

static struct {
	int sock;
	int running;            /* its thread id; the kernel clears it and wakes who waits */
	char stack[STACK_BYTES] __attribute__((aligned(16)));
} aside;

/* The result, or the negative errno. */
static inline long call(long nr, long a, long b, long c, long d)
{
#ifdef __x86_64__
	register long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return ret;
#else
	register long x8 __asm__("x8") = nr, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
		      x3 __asm__("x3") = d;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
#endif
}

/* Brings the loopback interface up; the descriptor of the namespace we are in. */
static inline __attribute__((always_inline)) long furnish(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	long r, fd = call(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0);

	if (fd < 0)
		return fd;
	r = call(SYS_ioctl, fd, SIOCSIFFLAGS, (long)&ifr, 0);
	if (r == 0)
		r = call(SYS_ioctl, fd, SIOCGSKNS, 0, 0);
	(void)call(SYS_close, fd, 0, 0, 0);
	return r;
}

/* With the namespace, or without it and the errno. */
static inline __attribute__((always_inline)) void tell(int sock, int sys, int fd)
{
	struct {
		int kind, value, more;
	} m = { SYNC_NET, sys, 0 };     /* struct sync_msg without its tail */
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { &m, sizeof m };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
			      .msg_controllen = sizeof control.bytes };

	if (fd < 0)
		msg.msg_controllen = 0;
	else
		*(int *)(void *)CMSG_DATA(&control.head) = fd;
	while (call(SYS_sendmsg, sock, (long)&msg, MSG_NOSIGNAL, 0) == -EINTR)
		;
}

__attribute__((no_sanitize("address", "undefined"))) static int thread_main(void *unused)
{
	long r = call(SYS_unshare, CLONE_NEWNET, 0, 0, 0);

	if (r == 0)
		r = furnish();
	tell(aside.sock, r < 0 ? (int)-r : 0, (int)r);
	if (r >= 0)
		(void)call(SYS_close, r, 0, 0, 0);
	return 0;
}

bool newnet_begin(int sock)
{
	if (fault_hit("thread"))
		return false;
	newnet_wait();
	aside.sock = sock;
	aside.running = 1;
	if (clone(thread_main, aside.stack + STACK_BYTES,
		  CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID, NULL, NULL,
		  NULL, &aside.running) >= 0)
		return true;
	aside.running = 0;
	return false;
}

void newnet_wait(void)
{
	int id;

	while ((id = __atomic_load_n(&aside.running, __ATOMIC_ACQUIRE)))
		(void)call(SYS_futex, (long)&aside.running, FUTEX_WAIT, id, 0);
}

#else
bool newnet_begin(int sock)
{
	return false;
}

void newnet_wait(void)
{
}
#endif

int newnet_join(int sock, struct dv_err *e)
{
	auto_close int fd = -1;
	struct sync_msg m;
	int r = sync_expect_fds(sock, SYNC_NET, &m, &fd, 1, e);

	if (r < 0)
		return r;
	if (fd < 0)
		return dv_fail_errno(e, m.value, "make the network namespace");
	return setns(fd, CLONE_NEWNET) < 0 ? dv_fail_errno(e, errno, "join the network namespace") : 0;
}
