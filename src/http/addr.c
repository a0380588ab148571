/* addr.c - compact socket addresses. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "http/message.h"

void http_addr_of(struct http_addr *a, const struct sockaddr *sa, socklen_t len)
{
	*a = (struct http_addr){ .family = AF_UNIX };
	if (len >= sizeof(struct sockaddr_in) && sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		a->family = AF_INET;
		a->port = ntohs(in->sin_port);
		memcpy(a->ip, &in->sin_addr, 4);
	} else if (len >= sizeof(struct sockaddr_in6) && sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		a->port = ntohs(in6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			/* a client of a dual-stack socket is the same client */
			a->family = AF_INET;
			memcpy(a->ip, in6->sin6_addr.s6_addr + 12, 4);
			return;
		}
		a->family = AF_INET6;
		a->scope = in6->sin6_scope_id;
		memcpy(a->ip, &in6->sin6_addr, 16);
	}
}

char *http_addr_text(const struct http_addr *a, bool with_port, char out[HTTP_ADDR_TEXT_MAX])
{
	bool v6 = a->family == AF_INET6;
	char ip[INET6_ADDRSTRLEN], scope[16] = "", port[8] = "";

	if ((a->family != AF_INET && !v6) || !inet_ntop(a->family, a->ip, ip, sizeof ip)) {
		(void)snprintf(out, HTTP_ADDR_TEXT_MAX, "unix");
		return out;
	}
	if (a->scope)
		(void)snprintf(scope, sizeof scope, "%%%u", a->scope);
	if (with_port)
		(void)snprintf(port, sizeof port, ":%u", a->port);
	(void)snprintf(out, HTTP_ADDR_TEXT_MAX, "%s%s%s%s%s", v6 && with_port ? "[" : "", ip, scope,
		       v6 && with_port ? "]" : "", port);
	return out;
}
