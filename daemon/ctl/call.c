/* SPDX-License-Identifier: GPL-3.0-or-later */
/* call.c - connect, ask, read replies up to the last. */
#include "call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_S 30

static enum call_exit explain_connect(const char *path, int error)
{
	if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR) {
		fprintf(stderr, "v6gwctl: v6gwd is not running (nobody listens at %s)\n", path);
		return EXIT_CODE_NOT_RUNNING;
	}
	fprintf(stderr, "v6gwctl: %s: %s\n", path, strerror(error));
	return error == EACCES || error == EPERM ? EXIT_CODE_NOT_PERMITTED : EXIT_CODE_FAILED;
}

/* A connected socket into *out. */
static enum call_exit dial(const char *path, enum call_replies replies, int *out)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct timeval listening = { .tv_sec = replies == CALL_WATCH ? 0 : PATIENCE_S };

	if (strlen(path) >= sizeof addr.sun_path)
		return explain_connect(path, ENAMETOOLONG);
	memcpy(addr.sun_path, path, strlen(path));

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return explain_connect(path, errno);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &listening, sizeof listening);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0) {
		int error = errno;

		close(fd);
		return explain_connect(path, error);
	}
	*out = fd;
	return EXIT_CODE_OK;
}

/* A daemon that turns us away does not read the question: its answer is there all the same, and
 * so failures of sending show as the lack of an answer. */
static bool send_request(int fd, const char *method, json_t *parameters, bool more)
{
	json_t *request = json_pack("{s:s+, s:o}", "method", "io.v6gwd.Control.", method,
				    "parameters", parameters);

	if (more && request)
		json_object_set_new(request, "more", json_true());
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	if (!text)
		return false;

	size_t len = strlen(text) + 1;
	for (size_t at = 0; at < len;) {
		ssize_t n = send(fd, text + at, len - at, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	free(text);
	return true;
}

static enum call_exit explain_silence(bool at_end, int error)
{
	if (at_end)
		fprintf(stderr, "v6gwctl: v6gwd closed the connection\n");
	else if (error == EAGAIN)
		fprintf(stderr, "v6gwctl: no answer within %d s\n", PATIENCE_S);
	else
		fprintf(stderr, "v6gwctl: no answer: %s\n", strerror(error));
	return EXIT_CODE_FAILED;
}

static enum call_exit hand_over(const json_t *reply, call_fn *fn, void *arg)
{
	const char *error = json_string_value(json_object_get(reply, "error"));

	fn(arg, error, json_object_get(reply, "parameters"));
	if (!error)
		return EXIT_CODE_OK;
	return strcmp(error, "io.v6gwd.Control.NotPermitted") == 0 ? EXIT_CODE_NOT_PERMITTED
								   : EXIT_CODE_FAILED;
}

static enum call_exit read_replies(FILE *in, call_fn *fn, void *arg)
{
	enum call_exit code = EXIT_CODE_OK;
	bool more = true;
	char *text = NULL;
	size_t size = 0;

	while (more && code == EXIT_CODE_OK) {
		ssize_t len = getdelim(&text, &size, '\0', in);

		if (len <= 0) {
			code = explain_silence(feof(in), errno);
			break;
		}
		json_t *reply = json_loads(text, 0, NULL);
		if (json_is_object(reply)) {
			more = json_is_true(json_object_get(reply, "continues"));
			code = hand_over(reply, fn, arg);
		} else {
			fprintf(stderr, "v6gwctl: the answer is not varlink\n");
			code = EXIT_CODE_FAILED;
		}
		json_decref(reply);
	}
	free(text);
	return code;
}

enum call_exit call_daemon(const char *socket_path, const char *method, json_t *parameters,
			   enum call_replies replies, call_fn *fn, void *arg)
{
	int fd;
	enum call_exit code = dial(socket_path, replies, &fd);

	if (code != EXIT_CODE_OK) {
		json_decref(parameters);
		return code;
	}
	FILE *in = fdopen(fd, "r");
	if (!in || !send_request(fd, method, parameters, replies != CALL_ONE)) {
		fprintf(stderr, "v6gwctl: out of memory\n");
		code = EXIT_CODE_FAILED;
	} else {
		code = read_replies(in, fn, arg);
	}
	if (in)
		fclose(in);
	else
		close(fd);
	return code;
}
