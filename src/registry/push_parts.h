/* push_parts.h - what the files of uploads share: push_upload.c decides, push_body.c receives. */
#pragma once

#include "registry/uploads.h"

/* Location and Range: where the upload stands. An empty one says 0-0, as every registry does. */
void push_progress(struct ask *q, const struct upload *u);
/* Sends the answer with this status (0: the problem's), and lets others have the upload. */
void push_reply(struct ask *q, int status);
/* 201: the blob q->digest is there. */
void push_created(struct ask *q);
/* Takes the body into q->upload, then answers. */
void push_receive(struct ask *q);
/* Drops q->upload. */
ask_work push_remove;
ask_then push_removed;
