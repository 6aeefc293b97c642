// Greedy tokens of llama.cpp, steered by a control vector: what test/src/vectors/files/llamaCpp.test.ts
// compares ours with. Against the prebuilt libraries of npm's node-llama-cpp, which come without headers:
//
//   npm install --prefix /tmp/llama node-llama-cpp
//   libs=/tmp/llama/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64
//   g++ -O1 scripts/llama_cpp/steer.cpp -o /tmp/llama/steer $libs/libllama-common.so* $libs/libllama.so* \
//     $libs/libggml.so* $libs/libggml-base.so* -Wl,-rpath,$libs
//   python scripts/llama_cpp/convert.py test/fixtures/mistral-wide-heads /tmp/llama/model.gguf
//   vector=test/fixtures/vectorFiles/llamaCpp.gguf    # or - for none
//   /tmp/llama/steer $libs /tmp/llama/model.gguf <vocabulary> 12 $vector 2 5 9 20 31
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// What is called of llama.h and common.h. The parameters are passed by value and larger than 512 bytes
// in no version so far; the first number of those of a context is its length.
struct Params { char bytes[512]; };
struct Batch { int32_t n; int32_t *token; float *embd; int32_t *pos; int32_t *n_seq; int32_t **seq; int8_t *logits; };
extern "C" {
void llama_backend_init();
void ggml_backend_load_all_from_path(const char *folder);
Params llama_model_default_params();
Params llama_context_default_params();
void *llama_model_load_from_file(const char *file, Params params);
void *llama_init_from_model(void *model, Params params);
Batch llama_batch_get_one(int32_t *tokens, int32_t n);
int llama_decode(void *context, Batch batch);
float *llama_get_logits_ith(void *context, int32_t i);
int llama_set_adapter_cvec(void *context, const float *data, size_t n, int32_t n_embd, int32_t first, int32_t last);
}
struct common_control_vector_load_info { float strength; std::string fname; };
struct common_control_vector_data { int n_embd; std::vector<float> data; };
common_control_vector_data common_control_vector_load(const std::vector<common_control_vector_load_info> &files);

static void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

int main(int argc, char **argv) {
  if (argc < 7) fail("steer <libraries> <model.gguf> <vocabulary> <new tokens> <vector.gguf, or -> <id> [...]");
  ggml_backend_load_all_from_path(argv[1]);
  llama_backend_init();
  void *model = llama_model_load_from_file(argv[2], llama_model_default_params());
  if (!model) fail("the model can't be loaded");
  Params params = llama_context_default_params();
  reinterpret_cast<uint32_t *>(params.bytes)[0] = 64;
  void *context = llama_init_from_model(model, params);
  if (!context) fail("no context");
  const int vocabulary = atoi(argv[3]), count = atoi(argv[4]);
  if (std::string(argv[5]) != "-") {
    auto vector = common_control_vector_load({{1.0f, argv[5]}});
    if (vector.n_embd < 0) fail("the control vector can't be loaded");
    const auto &data = vector.data;
    if (llama_set_adapter_cvec(context, data.data(), data.size(), vector.n_embd, 1, 99)) fail("it does not fit");
  }
  std::vector<int32_t> next;
  for (int i = 6; i < argc; i++) next.push_back(atoi(argv[i]));
  for (int t = 0; t < count; t++) {
    if (llama_decode(context, llama_batch_get_one(next.data(), next.size()))) fail("decoding failed");
    const float *logits = llama_get_logits_ith(context, -1);
    int best = 0;
    for (int i = 1; i < vocabulary; i++) if (logits[i] > logits[best]) best = i;
    printf("%d ", best);
    next = {best};
  }
  printf("\n");
  fflush(stdout);
  _Exit(0);  // the destructors of a half-known library are left alone
}
