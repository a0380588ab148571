/* ctr_opts_network.h - rows of ctr_opts.h: networks, ports, names. */
#pragma once

#define CTR_OPTS_NETWORK \
	CTR_ROW(STRS, "network", 0, networks, "NETWORK", \
		"NAME[:ip=IP,mac=MAC,alias=NAME,...], bridge (the default), host, none, container:NAME, ns:PATH") \
	CTR_ALSO(STRS, "net", networks) \
	CTR_ROW(STRS, "publish", 'p', publish, "[IP:][HOST:]PORT[/PROTO]", \
		"Make a port of the container one of the host's; ranges as 8000-8010") \
	CTR_BOOL("publish-all", 'P', publish_all, "Publish all exposed ports on free ones of the host") \
	CTR_ROW(STRS, "expose", 0, expose, "PORT[/PROTO]", "A port that -P publishes") \
	CTR_ROW(STR, "ip", 0, ip, "IP", "This IPv4 address") \
	CTR_ROW(STR, "ip6", 0, ip6, "IP", "This IPv6 address") \
	CTR_ROW(STR, "mac-address", 0, mac_address, "MAC", "This MAC address") \
	CTR_ROW(STRS, "network-alias", 0, network_aliases, "NAME", "One more name in its networks") \
	CTR_ALSO(STRS, "net-alias", network_aliases) \
	CTR_ROW(STRS, "add-host", 0, add_hosts, "NAME:IP", "A line in /etc/hosts; host-gateway is the host's address") \
	CTR_ROW(STRS, "dns", 0, dns, "IP", "A name server, instead of the host's") \
	CTR_ROW(STRS, "dns-search", 0, dns_search, "DOMAIN", "A domain that names are looked up in; . for none") \
	CTR_ROW(STRS, "dns-option", 0, dns_options, "OPTION", "An option of resolv.conf") \
	CTR_ALSO(STRS, "dns-opt", dns_options)
