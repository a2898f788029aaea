/* The one object behind platform.h: the lock counter of the test build. */
#include "platform/platform.h"

#ifdef BDA_TRACK_LOCKS
_Thread_local unsigned bda_locks_held;
#endif

/* ISO C wants a declaration in every file, with or without the counter. */
typedef struct bda_mutex bda_platform_is_not_empty;
