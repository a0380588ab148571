/* erofs_disk.h - the parts of the erofs format that our images use, and the frame we put them in.
 *
 * One file is a layer:
 *
 *	0        struct layer_head: ours, in the kilobyte that erofs leaves to others
 *	1024     struct erofs_super
 *	4096     the layer's tar, byte for byte, padded to a page
 *	         data of sparse files, holes left out
 *	meta     inodes, each followed by attributes, and by what it has inline;
 *	         shared attributes; blocks of large directories and long links
 *
 * Files are "flat": their data is one piece of the tar, whose members begin at
 * multiples of 512 bytes. That is why the block size is 512.
 * All numbers are little-endian.
 */
#pragma once

#include <stdint.h>

#define EROFS_BITS 9
#define EROFS_BLOCK 512
#define EROFS_PAGE 4096                 /* of the parts of the file */
#define EROFS_SUPER_AT 1024
#define EROFS_TAR_AT 4096
#define EROFS_MAGIC 0xE0F5E1E2u
#define EROFS_SLOT 32                   /* a node number counts these from the start of meta */
#define EROFS_ROOT_NID 2                /* 0 would be no inode number */
#define EROFS_BLOCKS_MAX 0xfffffff0u
#define EROFS_HOLE 0xffffffffu          /* as a chunk's address */
#define EROFS_SHARED_MAX 255            /* attributes of an inode */

enum { EROFS_CHUNKED_FILE = 4 };        /* of super.incompat */
enum { EROFS_FLAT = 0, EROFS_INLINE = 2, EROFS_CHUNKS = 4 };
#define EROFS_FORMAT(layout) ((uint16_t)((layout) << 1 | 1))    /* 64-byte inodes */

#define LAYER_HEAD_MAGIC "davit layer\n\0\0\0\1"
struct layer_head {
	char magic[16];
	uint64_t tar_size, meta_at, meta_size;
	uint8_t meta_sha256[32];
};

struct erofs_super {
	uint32_t magic, checksum, compat;
	uint8_t block_bits, ext_slots;
	uint16_t root_nid;
	uint64_t inos, build_time;
	uint32_t build_time_ns, blocks, meta_block, xattr_block;
	uint8_t uuid[16], volume[16];
	uint32_t incompat;
	uint16_t algorithms, extra_devices, device_slot;
	uint8_t dir_bits, xattr_prefixes;
	uint32_t xattr_prefix_start;
	uint64_t packed_nid;
	uint8_t reserved[24];
} __attribute__((packed));
_Static_assert(sizeof(struct erofs_super) == 128, "the super block has 128 bytes");

struct erofs_inode {
	uint16_t format, xattr_count, mode, reserved;
	uint64_t size;
	uint32_t address;               /* block, device, or format of chunks */
	uint32_t ino, uid, gid;
	int64_t mtime_s;
	uint32_t mtime_ns, nlink;
	uint8_t reserved2[16];
};
_Static_assert(sizeof(struct erofs_inode) == 64, "an extended inode has 64 bytes");

struct erofs_dirent {
	uint64_t nid;
	uint16_t name_at;
	uint8_t type, reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct erofs_dirent) == 12, "a directory entry has 12 bytes");

/* In front of the ids of an inode's shared attributes; xattr_count is 1 + their number. */
struct erofs_xattr_head {
	uint32_t filter;
	uint8_t shared, reserved[7];
};
struct erofs_xattr_entry {
	uint8_t name_len, prefix;
	uint16_t value_len;
};
enum { EROFS_XATTR_USER = 1, EROFS_XATTR_ACL, EROFS_XATTR_ACL_DEFAULT, EROFS_XATTR_TRUSTED, EROFS_XATTR_SECURITY = 6 };
