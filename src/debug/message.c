/* Messages, see message.h. */
#include "debug/message.h"

#include <stdarg.h>
#include <stdio.h>

void bda_message(BdaMessageCallback callback, void *user, BdaMessageSeverity severity, const char *format, ...) {
    if (callback == NULL)
        return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    callback(user, severity, text);
}
