#include "supervisor/wiring/handle_json.h"

#include "absl/strings/numbers.h"

namespace espalier {

nlohmann::ordered_json HandleJson(const HandleData& data) {
  using Json = nlohmann::ordered_json;
  if (data.type.empty()) return nullptr;
  if (data.type == "bool") return data.text == "true";
  long long number;
  if (data.type == "number" && absl::SimpleAtoi(data.text, &number)) {
    return number;
  }
  if (data.type == "list") {
    Json list = Json::array();
    for (const HandleData& field : data.fields) {
      list.push_back(HandleJson(field));
    }
    return list;
  }
  if (!data.text.empty() || data.fields.empty()) return data.text;
  Json object = {{"type", data.type}};
  for (const HandleData& field : data.fields) {
    object[field.name] = HandleJson(field);
  }
  return object;
}

}  // namespace espalier
