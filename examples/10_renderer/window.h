/*
 * A window to look through, by SDL 2 where the program was built with it. A frame's picture is copied to one of the
 * swapchain's images, scaled where the window's size is another.
 */
#ifndef EXAMPLES_WINDOW_H
#define EXAMPLES_WINDOW_H

#include "example.h"

struct window;

/* Before ex_start: opens the window and says which instance extensions it wants. NULL, with a message, where there is
 * no SDL or no display. */
struct window *window_open(const char *title, VkExtent2D extent, struct ex_wishes *wishes);

/* After ex_start: the surface and the swapchain. */
void window_attach(struct window *window, struct ex *ex);

/* The next image to draw to, and the semaphore that says when that may begin; false when this frame is not to be shown.
 * window_record copies the picture, which is in the layout TRANSFER_SRC_OPTIMAL. window_present waits for what
 * window_finished gave the submission to signal. */
bool window_acquire(struct window *window, VkSemaphore *available);
void window_record(struct window *window, VkCommandBuffer commands, VkImage picture, VkExtent2D extent);
VkSemaphore window_finished(struct window *window);
void window_present(struct window *window);

/* Handles events; false once the user closed the window. */
bool window_poll(struct window *window);

void window_detach(struct window *window); /* before ex_finish */
void window_close(struct window *window);  /* after it */

#endif
