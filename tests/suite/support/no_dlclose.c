/* Keeps every driver loaded until the process ends, for the leak checker's sake: see scripts/cmake/drivers.cmake. */
int dlclose(void *handle);

int dlclose(void *handle) {
    (void)handle;
    return 0;
}
