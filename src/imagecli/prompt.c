/* prompt.c - lines from a terminal, with the echo off for what is secret. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "imagecli/prompt.h"

static const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static struct termios before;           /* for the handler */

static void put_back(int signo)
{
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	(void)signal(signo, SIG_DFL);
	(void)raise(signo);
}

struct hiding {
	bool on;
	struct sigaction old[ARRAY_LEN(deadly)];
};

static int hide(struct hiding *h, struct dv_err *e)
{
	struct sigaction sa = { .sa_handler = put_back };
	struct termios quiet;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return dv_fail_errno(e, errno, "ask the terminal for its state");
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
		(void)sigaction(deadly[i], &sa, &h->old[i]);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	h->on = true;
	return tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0 ? dv_fail_errno(e, errno, "turn the terminal's echo off") : 0;
}

static void show(struct hiding *h)
{
	if (!h->on)
		return;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
		(void)sigaction(deadly[i], &h->old[i], NULL);
}

/* Byte by byte: what follows the line is for someone else. */
static int read_line(struct buf *b, struct dv_err *e)
{
	for (;;) {
		char c;
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dv_fail_errno(e, errno, "read from the terminal");
		if (n == 0)
			return dv_fail(e, DV_INVALID, "the input ended");
		if (c == '\n')
			return buf_check(b, "the line", e);
		buf_char(b, c);
	}
}

int prompt_line(const char *text, bool hidden, struct buf *b, struct dv_err *e)
{
	struct hiding h = { 0 };
	int rc = hidden ? hide(&h, e) : 0;

	if (rc == 0) {
		printf("%s", text);
		(void)fflush(stdout);
		rc = read_line(b, e);
	}
	show(&h);
	return rc;
}
