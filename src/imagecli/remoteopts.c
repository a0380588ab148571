/* remoteopts.c - from the options of a command line to those of the registry client. */
#include "base/str.h"
#include "imagecli/remoteopts.h"

const char *const remote_args_bool[] = { "true", "false", NULL };

void remote_args_apply(const struct remote_args *args, struct remote_options *ret)
{
	*ret = (struct remote_options){ .authfile = args->authfile, .cert_dir = args->cert_dir, .creds = args->creds };
	if (args->tls_verify)
		ret->tls = streq(args->tls_verify, "false") ? REMOTE_TLS_INSECURE : REMOTE_TLS_VERIFY;
	if (args->retry.set)
		ret->retries = args->retry.v ? (unsigned)DV_MIN(args->retry.v, 1000) : REMOTE_NO_RETRY;
	if (args->retry_delay.set)
		ret->retry_delay_ms = (unsigned)DV_MIN(args->retry_delay.v, 3600) * 1000;
}
