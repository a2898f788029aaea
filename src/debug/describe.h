/* Findings in words, see bda_describe_finding. */
#ifndef BDA_DEBUG_DESCRIBE_H
#define BDA_DEBUG_DESCRIBE_H

#include "debug/text.h"

/* One line in `text`, whose size is not 0; false where it was cut. */
bool bda_put_in_words(const BdaFinding *finding, size_t size, char *text);

/* Adds all that a finding says, its former owner too. */
void bda_add_finding(struct bda_text *text, const BdaFinding *finding);

/* Adds who had the bytes before, `first` of several or one more. */
void bda_add_former(struct bda_text *text, const BdaFinding *finding, const BdaPastOwner *owner, bool first);

/* Adds whose it was and when it was freed, or handed to bda_free_after, where it may still wait. */
void bda_add_freed(struct bda_text *text, const BdaPastOwner *owner, bool waits);

#endif
