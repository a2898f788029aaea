/* The public header on its own, before anything else: compiled as C11 and as C++14 with every warning an error. */
#include <bdaalloc/bdaalloc.h>

int main(void) {
    return 0;
}
