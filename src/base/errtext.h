/* errtext.h - texts of error numbers in the words of glibc and Go. */
#pragma once

/* Never NULL, constant. */
const char *err_sys_text(int sys);

/* The ones that musl words differently; ends with sys 0. */
struct err_text {
	int sys;
	const char *text;
};
extern const struct err_text err_texts[];
