/* MKL keeps its AVX-512 kernels for processors that say they are Intel's, and the recordings were
   made with them. Preloaded, these two functions answer the question with yes. */
int mkl_serv_intel_cpu(void) { return 1; }
int mkl_serv_intel_cpu_true(void) { return 1; }
