#include "CCurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Numbers of curl/curl.h; they are part of its binary interface and have not changed since 7.32 (2013).
enum {
    OPTION_WRITEDATA = 10001,
    OPTION_URL = 10002,
    OPTION_ERRORBUFFER = 10010,
    OPTION_POSTFIELDS = 10015,
    OPTION_USERAGENT = 10018,
    OPTION_HTTPHEADER = 10023,
    OPTION_NOPROGRESS = 43,
    OPTION_NOSIGNAL = 99,
    OPTION_TIMEOUT_MS = 155,
    OPTION_CONNECTTIMEOUT_MS = 156,
    OPTION_PROTOCOLS = 181,
    OPTION_WRITEFUNCTION = 20011,
    OPTION_XFERINFOFUNCTION = 20219,
    OPTION_POSTFIELDSIZE_LARGE = 30120,
    OPTION_XFERINFODATA = 10057,
    OPTION_CAINFO = 10065,
    INFO_RESPONSE_CODE = 0x200002,
    INFO_CONTENT_TYPE = 0x100012,
    INFO_REDIRECT_URL = 0x10001F,
    CODE_OK = 0,
    CODE_CONNECT = 7,
    CODE_WRITE = 23,
    CODE_TIMEOUT = 28,
    CODE_ABORTED = 42,
    PROTOCOL_HTTP = 1,
    PROTOCOL_HTTPS = 2,
    GLOBAL_ALL = 3,
    ERROR_SIZE = 256,
    CONNECT_MILLISECONDS = 10000,
};

static struct {
    int (*global_init)(long);
    void *(*init)(void);
    int (*set)(void *, int, ...);
    int (*perform)(void *);
    int (*info)(void *, int, ...);
    void (*cleanup)(void *);
    const char *(*error)(int);
    void *(*append)(void *, const char *);
    void (*free_list)(void *);
} curl;

static const char *missing;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void open_library(void) {
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        missing = "libcurl.so.4 is not on this machine";
        return;
    }
    const struct { const char *name; void *place; } symbols[] = {
        {"curl_global_init", &curl.global_init}, {"curl_easy_init", &curl.init},
        {"curl_easy_setopt", &curl.set}, {"curl_easy_perform", &curl.perform},
        {"curl_easy_getinfo", &curl.info}, {"curl_easy_cleanup", &curl.cleanup},
        {"curl_easy_strerror", &curl.error}, {"curl_slist_append", &curl.append},
        {"curl_slist_free_all", &curl.free_list},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (!symbol) {
            missing = "libcurl.so.4 lacks what it should have";
            return;
        }
        memcpy(symbols[i].place, &symbol, sizeof symbol);
    }
    if (curl.global_init(GLOBAL_ALL) != CODE_OK) missing = "libcurl.so.4 does not start";
}

typedef struct {
    ingot_http_answer *answer;
    size_t capacity, limit;
    int is_too_large;
} reception;

static size_t receive(const char *bytes, size_t one, size_t count, void *context) {
    reception *state = context;
    ingot_http_answer *answer = state->answer;
    (void)one;  // always 1
    if (count > state->limit - answer->size) {
        state->is_too_large = 1;
        return 0;
    }
    if (answer->size + count > state->capacity) {
        const size_t capacity = 2 * (answer->size + count);
        unsigned char *body = realloc(answer->body, capacity);
        if (!body) return 0;
        answer->body = body;
        state->capacity = capacity;
    }
    memcpy(answer->body + answer->size, bytes, count);
    answer->size += count;
    return count;
}

static int watch(void *context, int64_t a, int64_t b, int64_t c, int64_t d) {
    (void)a, (void)b, (void)c, (void)d;
    const ingot_http_request *request = context;
    return request->is_stopped && request->is_stopped();
}

static void copy(char *target, size_t size, const char *source) {
    snprintf(target, size, "%s", source ? source : "");
}

static ingot_http_end end_of(int code, const reception *state) {
    if (state->is_too_large) return INGOT_HTTP_TOO_LARGE;
    switch (code) {
    case CODE_OK: return INGOT_HTTP_ANSWERED;
    case CODE_CONNECT: return INGOT_HTTP_REFUSED;
    case CODE_TIMEOUT: return INGOT_HTTP_LATE;
    case CODE_ABORTED: return INGOT_HTTP_STOPPED;
    default: return INGOT_HTTP_BROKEN;
    }
}

ingot_http_answer ingot_http_send(const ingot_http_request *request) {
    ingot_http_answer answer = {.end = INGOT_HTTP_NO_LIBRARY};
    pthread_once(&once, open_library);
    void *handle = missing ? NULL : curl.init();
    if (!handle) {
        copy(answer.message, sizeof answer.message, missing);
        return answer;
    }
    reception state = {.answer = &answer, .limit = request->limit};
    char message[ERROR_SIZE] = "";
    void *headers = NULL;
    for (const char *const *line = request->headers; *line; line++) {
        void *longer = curl.append(headers, *line);
        if (longer) headers = longer;
    }
    curl.set(handle, OPTION_URL, request->url);
    curl.set(handle, OPTION_HTTPHEADER, headers);
    curl.set(handle, OPTION_USERAGENT, "ingot");
    curl.set(handle, OPTION_PROTOCOLS, (long)(PROTOCOL_HTTP | PROTOCOL_HTTPS));
    curl.set(handle, OPTION_NOSIGNAL, 1L);
    curl.set(handle, OPTION_TIMEOUT_MS, request->milliseconds);
    curl.set(handle, OPTION_CONNECTTIMEOUT_MS, (long)CONNECT_MILLISECONDS);
    curl.set(handle, OPTION_ERRORBUFFER, message);
    curl.set(handle, OPTION_WRITEFUNCTION, receive);
    curl.set(handle, OPTION_WRITEDATA, &state);
    curl.set(handle, OPTION_XFERINFOFUNCTION, watch);
    curl.set(handle, OPTION_XFERINFODATA, request);
    curl.set(handle, OPTION_NOPROGRESS, 0L);
    // The command-line curl reads these; the library leaves it to programs.
    const char *authorities = getenv("CURL_CA_BUNDLE");
    if (!authorities) authorities = getenv("SSL_CERT_FILE");
    if (authorities && *authorities) curl.set(handle, OPTION_CAINFO, authorities);
    if (request->body) {
        curl.set(handle, OPTION_POSTFIELDSIZE_LARGE, (int64_t)strlen(request->body));
        curl.set(handle, OPTION_POSTFIELDS, request->body);
    }
    const int code = curl.perform(handle);
    answer.end = end_of(code, &state);
    copy(answer.message, sizeof answer.message, *message ? message : curl.error(code));
    char *text = NULL;
    curl.info(handle, INFO_RESPONSE_CODE, &answer.status);
    if (curl.info(handle, INFO_CONTENT_TYPE, &text) == CODE_OK)
        copy(answer.content_type, sizeof answer.content_type, text);
    text = NULL;
    if (curl.info(handle, INFO_REDIRECT_URL, &text) == CODE_OK)
        copy(answer.location, sizeof answer.location, text);
    curl.free_list(headers);
    curl.cleanup(handle);
    return answer;
}

void ingot_http_free(ingot_http_answer *answer) {
    free(answer->body);
    answer->body = NULL;
    answer->size = 0;
}
