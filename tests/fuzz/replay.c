/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replay.c - runs a fuzz target over files, without libFuzzer: replay DIR|FILE... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory that ends with the input, so that a sanitizer sees what is read past it. */
static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	size_t size;

	if (!f || fstat(fileno(f), &st) != 0) {
		perror(path);
		exit(1);
	}
	size = (size_t)st.st_size;
	data = malloc(size ? size : 1);
	if (!data || fread(data, 1, size, f) != size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(1);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

/* A file, or all below a directory. */
static int run_path(const char *path)
{
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort), ran = 0;
	char file[4096];

	if (n < 0)
		return run_file(path);
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof file, "%s/%s", path, list[i]->d_name);
		if (list[i]->d_name[0] != '.')
			ran += run_path(file);
		free(list[i]);
	}
	free(list);
	return ran;
}

int main(int argc, char **argv)
{
	int ran = 0;

	for (int i = 1; i < argc; i++)
		ran += run_path(argv[i]);
	printf("%d inputs\n", ran);
	return ran ? 0 : 1;
}
