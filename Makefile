# Meson and Ninja do the work; this gives the usual names.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: all check demo bench soak install clean
all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@meson setup --prefix=$(PREFIX) $(BUILD) >/dev/null

check:
	@tools/check

demo: all
	@tools/demo

bench: all
	@bench/run all

bench-%: all
	@bench/run $*

soak:
	@tools/soak

install: $(BUILD)/build.ninja
	@meson configure -Dprefix=$(PREFIX) $(BUILD)
	@ninja -C $(BUILD) --quiet
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --quiet

clean:
	rm -rf $(BUILD) build-asan build-fuzz build-soak build-tidy
