// One HTTP request through libcurl, which is opened when it is first needed: programs that never ask an engine
// neither load it nor need it. Only the part of its stable interface that is used here is declared.
#ifndef INGOT_CCURL_H
#define INGOT_CCURL_H

#include <stddef.h>

/// What a request is and how far it may go.
typedef struct {
    const char *url;
    /// Posted as it stands; null asks with GET.
    const char *body;
    /// Header lines, a null pointer last.
    const char *const *headers;
    /// Bytes of an answer.
    size_t limit;
    /// From the start to the last byte received.
    long milliseconds;
    /// Asked a few times a second; other than 0 gives up.
    int (*is_stopped)(void);
} ingot_http_request;

/// How a request ended.
typedef enum {
    INGOT_HTTP_ANSWERED,
    /// Nothing listens there: worth another try.
    INGOT_HTTP_REFUSED,
    INGOT_HTTP_LATE,
    INGOT_HTTP_TOO_LARGE,
    INGOT_HTTP_STOPPED,
    INGOT_HTTP_BROKEN,
    /// There is no libcurl.
    INGOT_HTTP_NO_LIBRARY,
} ingot_http_end;

/// An answer; to be given to `ingot_http_free` whatever the end.
typedef struct {
    ingot_http_end end;
    long status;
    unsigned char *body;
    size_t size;
    /// Where a redirection leads; empty without one.
    char location[2048];
    char content_type[128];
    /// What the library says when there is no answer.
    char message[512];
} ingot_http_answer;

/// Sends one request and waits for the whole answer; follows no redirection.
ingot_http_answer ingot_http_send(const ingot_http_request *request);

/// Frees the body.
void ingot_http_free(ingot_http_answer *answer);

#endif
