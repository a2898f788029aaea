/* A name that no record (src/alloc/record.h) has room for, so that it takes host memory of its own. */
#ifndef BDA_TESTS_UNIT_LONG_NAME_H
#define BDA_TESTS_UNIT_LONG_NAME_H

#define LONG_NAME "a name of more than eighty bytes, which a record of the library has no room for, and so a copy"

#endif
