/// How much memory the process may have and has: control groups, and what the system says of it.
#include "memory_limit.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PATH = 4096, LINE = 8192 };

/// The number in a file; INT64_MAX where there is no file, where it says `max`, and for what no machine has: version 1 has no word for no limit, and gives the
/// largest number of whole pages.
static int64_t limit_in(const char *folder, const char *name) {
    char path[PATH];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || length >= (int)sizeof path) return INT64_MAX;
    FILE *file = fopen(path, "re");
    if (!file) return INT64_MAX;
    unsigned long long limit = 0;
    int found = fscanf(file, "%llu", &limit);
    fclose(file);
    return found == 1 && limit > 0 && limit < (1ull << 60) ? (int64_t)limit : INT64_MAX;
}

/// The least limit from a group up to where groups are mounted. In a container the path may be the host's, of which only the container's own part is mounted: the
/// folders that are not there limit nothing.
static int64_t limit_along(const char *root, const char *group, const char *name) {
    char path[PATH];
    size_t start = strlen(root);
    int length = snprintf(path, sizeof path, "%s%s", root, group);
    if (length < 0 || length >= (int)sizeof path) return limit_in(root, name);
    int64_t least = INT64_MAX;
    for (;;) {
        least = APUS_MIN(least, limit_in(path, name));
        char *slash = strrchr(path, '/');
        if (!slash || (size_t)(slash - path) < start) return least;
        *slash = 0;
    }
}

/// Whether a list such as `cpu,memory` has the controller of memory in it.
static bool has_memory(const char *list) {
    for (const char *next = list; next; next = strchr(next, ',')) {
        next += *next == ',';
        if (strncmp(next, "memory", 6) == 0 && (next[6] == 0 || next[6] == ',')) return true;
    }
    return false;
}

int64_t apus_container_memory_limit(const char *process, const char *root) {
    char memory[PATH], unified[PATH], line[LINE];
    int lengths[2] = {snprintf(memory, sizeof memory, "%s/memory", root), snprintf(unified, sizeof unified, "%s/unified", root)};
    if (lengths[0] < 0 || lengths[0] >= (int)sizeof memory || lengths[1] < 0 || lengths[1] >= (int)sizeof unified) return INT64_MAX;
    // What the mounted folders themselves say holds also where the process's groups can't be read.
    int64_t least = APUS_MIN(limit_in(root, "memory.max"), limit_in(memory, "memory.limit_in_bytes"));
    FILE *file = fopen(process, "re");
    if (!file) return least;
    // Each line: a number, the controllers (none in version 2), the group's path.
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':');
        if (!controllers) continue;
        char *group = strchr(++controllers, ':');
        if (!group || group[1] != '/') continue;
        *group++ = 0;
        if (*controllers == 0) least = APUS_MIN(least, APUS_MIN(limit_along(root, group, "memory.max"), limit_along(unified, group, "memory.max")));
        else if (has_memory(controllers)) least = APUS_MIN(least, limit_along(memory, group, "memory.limit_in_bytes"));
    }
    fclose(file);
    return least;
}

int64_t apus_resident_memory(void) {
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    char text[256];
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return 0;
    text[length] = 0;
    long long all = 0, resident = 0, shared = 0;
    long page = sysconf(_SC_PAGESIZE);
    if (page <= 0 || sscanf(text, "%lld %lld %lld", &all, &resident, &shared) != 3 || resident < shared) return 0;
    return (int64_t)(resident - shared) * page;
}
