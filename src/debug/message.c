/* Messages, see message.h. */
#include "debug/message.h"

#include <stdarg.h>
#include <stdio.h>

/* Names come from the caller: whatever they hold, a message stays one line. */
void bda_make_one_line(char *text, bool cut) {
    if (cut)
        bda_drop_cut_character(text);
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            *c = ' ';
}

void bda_message(BdaMessageCallback callback, void *user, BdaMessageSeverity severity, const char *format, ...) {
    if (callback == NULL)
        return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bda_make_one_line(text, wanted >= (int)sizeof text);
    callback(user, severity, text);
}

const char *bda_reason(char room[BDA_REASON_ROOM], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(room, BDA_REASON_ROOM, format, arguments);
    va_end(arguments);
    bda_make_one_line(room, wanted >= BDA_REASON_ROOM);
    return room;
}

void bda_message_to_stderr(void *user, BdaMessageSeverity severity, const char *text) {
    static const char *const words[] = {
        [BDA_MESSAGE_INFO] = "", [BDA_MESSAGE_WARNING] = "warning: ", [BDA_MESSAGE_ERROR] = "error: "
    };
    (void)user;
    (void)fprintf(stderr, "bdaalloc: %s%s\n", words[severity], text); /* at once: a line is no two threads' */
}

const char *bda_result_name(VkResult result, char room[BDA_RESULT_ROOM]) {
#define NAME(name)                                                                                                     \
    case name:                                                                                                         \
        return #name
    switch (result) {
        NAME(VK_NOT_READY);
        NAME(VK_INCOMPLETE);
        NAME(VK_ERROR_OUT_OF_HOST_MEMORY);
        NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY);
        NAME(VK_ERROR_DEVICE_LOST);
        NAME(VK_ERROR_MEMORY_MAP_FAILED);
        NAME(VK_ERROR_FEATURE_NOT_PRESENT);
        NAME(VK_ERROR_TOO_MANY_OBJECTS);
        NAME(VK_ERROR_UNKNOWN);
        NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE);
        NAME(VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS);
        NAME(VK_ERROR_VALIDATION_FAILED_EXT);
    default:
        (void)snprintf(room, BDA_RESULT_ROOM, "VkResult %d", (int)result);
        return room;
    }
#undef NAME
}
