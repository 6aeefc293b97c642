// Two calls more for tfjs-node's addon: a graph becomes a function, which executeOp then runs by its
// name, as one op. Its tensors stay where ops have them; setup.ts compiles this into the addon.
#ifndef TILLER_FUNCTIONS_H_
#define TILLER_FUNCTIONS_H_

#include <node_api.h>
#include <string>
#include <vector>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"

namespace tiller {

/** Frees what the calls below make, however they end. */
struct Scratch {
  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_ImportGraphDefOptions *options = TF_NewImportGraphDefOptions();
  TF_Function *function = nullptr;
  ~Scratch() {
    if (function) TF_DeleteFunction(function);
    TF_DeleteImportGraphDefOptions(options);
    TF_DeleteGraph(graph);
    TF_DeleteStatus(status);
  }
  bool failed() const { return TF_GetCode(status) != TF_OK; }
};

inline bool throw_error(napi_env env, const std::string &message) {
  napi_throw_error(env, nullptr, message.c_str());
  return false;
}

inline bool read_text(napi_env env, napi_value value, std::string *text) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    return throw_error(env, "a text is wanted");
  }
  text->resize(length);
  return napi_get_value_string_utf8(env, value, &(*text)[0], length + 1, &length) == napi_ok;
}

/** From texts such as node3:1 to outputs of the graph's ops. */
inline bool read_outputs(napi_env env, napi_value list, TF_Graph *graph,
                         std::vector<TF_Output> *outputs) {
  uint32_t length;
  if (napi_get_array_length(env, list, &length) != napi_ok) {
    return throw_error(env, "a list of names is wanted");
  }
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    std::string name;
    if (napi_get_element(env, list, i, &element) != napi_ok) return false;
    if (!read_text(env, element, &name)) return false;
    const size_t colon = name.find(':');
    const int index = colon == std::string::npos ? 0 : std::stoi(name.substr(colon + 1));
    TF_Operation *op = TF_GraphOperationByName(graph, name.substr(0, colon).c_str());
    if (op == nullptr || index >= TF_OperationNumOutputs(op)) {
      return throw_error(env, "the graph has no " + name);
    }
    outputs->push_back({op, index});
  }
  return true;
}

/** addFunction(name, graphDef: Uint8Array, inputs: string[], outputs: string[]) */
inline napi_value add_function(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value args[4];
  void *context;
  napi_get_cb_info(env, info, &count, args, nullptr, &context);
  std::string name;
  void *data;
  size_t length;
  Scratch scratch;
  std::vector<TF_Output> inputs, outputs;
  if (count < 4 || !read_text(env, args[0], &name)) return nullptr;
  if (napi_get_typedarray_info(env, args[1], nullptr, &length, &data, nullptr, nullptr) != napi_ok) {
    throw_error(env, "the graph is to be a Uint8Array");
    return nullptr;
  }
  TF_Buffer *bytes = TF_NewBufferFromString(data, length);
  TF_GraphImportGraphDef(scratch.graph, bytes, scratch.options, scratch.status);
  TF_DeleteBuffer(bytes);
  if (!scratch.failed() && read_outputs(env, args[2], scratch.graph, &inputs) &&
      read_outputs(env, args[3], scratch.graph, &outputs)) {
    scratch.function = TF_GraphToFunction(
        scratch.graph, name.c_str(), /*append_hash=*/0, /*num_opers=*/-1, nullptr,
        static_cast<int>(inputs.size()), inputs.data(), static_cast<int>(outputs.size()),
        outputs.data(), nullptr, nullptr, nullptr, scratch.status);
    if (!scratch.failed()) {
      TFE_ContextAddFunction(static_cast<TFE_Context *>(context), scratch.function,
                             scratch.status);
    }
  }
  bool pending;
  napi_is_exception_pending(env, &pending);
  if (scratch.failed() && !pending) throw_error(env, TF_Message(scratch.status));
  return nullptr;
}

/** removeFunction(name) */
inline napi_value remove_function(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value args[1];
  void *context;
  napi_get_cb_info(env, info, &count, args, nullptr, &context);
  std::string name;
  Scratch scratch;
  if (count < 1 || !read_text(env, args[0], &name)) return nullptr;
  TFE_ContextRemoveFunction(static_cast<TFE_Context *>(context), name.c_str(), scratch.status);
  if (scratch.failed()) throw_error(env, TF_Message(scratch.status));
  return nullptr;
}

inline void define_functions(napi_env env, napi_value exports, TFE_Context *context) {
  napi_property_descriptor calls[] = {
      {"addFunction", nullptr, add_function, nullptr, nullptr, nullptr, napi_default, context},
      {"removeFunction", nullptr, remove_function, nullptr, nullptr, nullptr, napi_default, context},
  };
  napi_define_properties(env, exports, 2, calls);
}

}  // namespace tiller

#endif  // TILLER_FUNCTIONS_H_
