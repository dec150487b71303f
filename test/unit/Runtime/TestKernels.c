/* Kernels as the compiler would emit them, for plans that tests write by hand:
   fixed shapes, one array of buffer addresses. */

#ifndef TEST_KERNELS_OTHER

/* y = a * b over 8 floats. */
void mul8(void *const *buffers) {
  const float *a = buffers[0], *b = buffers[1];
  float *y = buffers[2];
  for (int i = 0; i < 8; ++i)
    y[i] = a[i] * b[i];
}

/* The loss sum(y * y) of 16 doubles, and its gradient 2 y. */
void square_loss16(void *const *buffers) {
  const double *y = buffers[0];
  double *loss = buffers[1], *gradient = buffers[2];
  *loss = 0;
  for (int i = 0; i < 16; ++i) {
    *loss += y[i] * y[i];
    gradient[i] = 2 * y[i];
  }
}

/* w -= lr / step * g over 8 doubles, in place. */
void descend8(void *const *buffers) {
  double *w = buffers[0];
  const double *g = buffers[1], *lr = buffers[2], *step = buffers[3];
  for (int i = 0; i < 8; ++i)
    w[i] -= *lr / *step * g[i];
}

/* The same with g = first + second. */
void descend_sum8(void *const *buffers) {
  double *w = buffers[0];
  const double *first = buffers[1], *second = buffers[2];
  const double *lr = buffers[3], *step = buffers[4];
  for (int i = 0; i < 8; ++i)
    w[i] -= *lr / *step * (first[i] + second[i]);
}

int which(void) { return 1; }

#else

void mul8(void *const *buffers) {
  float *y = buffers[2];
  for (int i = 0; i < 8; ++i)
    y[i] = 42;
}

#endif
