#include "supervisor/wiring/handle.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace espalier {

const HandleData* HandleData::Find(absl::string_view name) const {
  for (const HandleData& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

// A handle as a whole has no text, whatever its members are called.
bool HandleData::IsEndpoint() const {
  return !text.empty() && Find("service") != nullptr &&
         (Find("port") != nullptr || Find("path") != nullptr);
}

std::ostream& operator<<(std::ostream& out, const HandleData& data) {
  if (data.type.empty()) return out << "none";
  const bool is_list = data.type == "list";
  if (!is_list && (!data.text.empty() || data.fields.empty())) {
    return out << data.text;
  }
  out << (is_list ? "[" : absl::StrCat(data.type, "{"));
  const char* separator = "";
  for (const HandleData& field : data.fields) {
    out << separator;
    if (!is_list) out << field.name << ": ";
    out << field;
    separator = ", ";
  }
  return out << (is_list ? "]" : "}");
}

HandleReader HandleReader::Field(const char* name) const {
  return HandleReader(data_ == nullptr ? nullptr : data_->Find(name),
                      absl::StrCat(where_, ".", name), error_);
}

bool HandleReader::Is(absl::string_view type) const {
  if (data_ == nullptr) {
    Fail("is missing");
  } else if (data_->type != type) {
    Fail(absl::StrCat("is a ", data_->type.empty() ? "none" : data_->type,
                      ", not a ", type));
  }
  return data_ != nullptr && data_->type == type;
}

std::string HandleReader::TextOf(absl::string_view field) const {
  const HandleData* found = data_->Find(field);
  return found == nullptr ? "" : found->text;
}

std::optional<long long> HandleReader::Number() const {
  if (!Is("number")) return std::nullopt;
  long long number;
  if (absl::SimpleAtoi(data_->text, &number)) return number;
  Fail("is not a number");
  return std::nullopt;
}

void HandleReader::Fail(absl::string_view what) const {
  if (error_->empty()) *error_ = absl::StrCat("`", where_, "` ", what);
}

namespace {

// In the order of Path::Root.
constexpr const char* kRoots[] = {"data", "runtime", "cache"};

HandleData TextField(const char* name, const std::string& text) {
  return {.name = name, .type = "string", .text = text};
}

}  // namespace

HandleData EndpointCodec::Write(std::string type, const Endpoint& endpoint) {
  const EndpointAddress& address = EndpointAccess::Address(endpoint);
  HandleData data{.type = std::move(type),
                  .text = EndpointAccess::Url(endpoint)};
  data.fields = {TextField("service", address.service),
                 TextField("name", address.name)};
  if (address.path.empty()) {
    data.fields.push_back(TextField("host", address.host));
    data.fields.push_back(TextField("port", address.port));
  } else {
    data.fields.push_back(TextField("path", address.path));
  }
  if (address.proxied) data.fields.push_back(TextField("proxied", "true"));
  return data;
}

void AddServices(const HandleData& data, std::vector<std::string>& services) {
  if (data.IsEndpoint()) {
    services.push_back(data.Find("service")->text);
    return;
  }
  for (const HandleData& field : data.fields) AddServices(field, services);
}

HandleData FieldCodec<Path>::Write(const Path& path) {
  const std::string root = kRoots[static_cast<int>(path.root())];
  return {
      .type = "Path",
      .text =
          absl::StrCat("{", root, "}/", path.service(), "/", path.relative()),
      .fields = {TextField("root", root), TextField("service", path.service()),
                 TextField("relative", path.relative())}};
}

std::optional<Path> FieldCodec<Path>::Read(const HandleReader& reader) {
  if (!reader.Is("Path")) return std::nullopt;
  for (size_t i = 0; i < std::size(kRoots); ++i) {
    if (reader.TextOf("root") != kRoots[i]) continue;
    return Path(static_cast<Path::Root>(i), reader.TextOf("service"),
                reader.TextOf("relative"));
  }
  reader.Fail("is not below a directory that there is");
  return std::nullopt;
}

HandleData FieldCodec<Secret>::Write(const Secret& secret) {
  return {.type = "Secret",
          .text = SecretLabel(secret.service(), secret.name()),
          .fields = {TextField("service", secret.service()),
                     TextField("name", secret.name())}};
}

std::optional<Secret> FieldCodec<Secret>::Read(const HandleReader& reader) {
  if (!reader.Is("Secret")) return std::nullopt;
  return Secret(reader.TextOf("service"), reader.TextOf("name"));
}

}  // namespace espalier
