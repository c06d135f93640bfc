#include "supervisor/wiring/text.h"

#include "absl/strings/str_cat.h"

namespace espalier {

Path Path::operator/(absl::string_view name) const {
  return Path(root_, service_,
              relative_.empty() ? std::string(name)
                                : absl::StrCat(relative_, "/", name));
}

Path Cache(absl::string_view name) {
  return Path(Path::Root::kCache, std::string(name), "");
}

Secret Secret::FromFile(absl::string_view path) {
  return Secret("", absl::StrCat("file:", path));
}

Secret Secret::FromVariable(absl::string_view name) {
  return Secret("", absl::StrCat("variable:", name));
}

Text Escaped(const Secret& secret) {
  return Text(Text::Part{.kind = Text::Part::kSecret,
                         .value = secret.name(),
                         .service = secret.service(),
                         .escaped = true});
}

std::string SecretLabel(absl::string_view service, absl::string_view name) {
  return absl::StrCat("{secret ", service, service.empty() ? "" : ".", name,
                      "}");
}

Text Secret::file() const {
  return Text(Text::Part{Text::Part::kSecretFile, name_, service_});
}

Text::Text(Part part) { parts_.push_back(std::move(part)); }

void Text::Append(const Text& text) {
  parts_.insert(parts_.end(), text.parts_.begin(), text.parts_.end());
}

Text::Text(const Path& path)
    : Text(Part{path.root() == Path::Root::kData      ? Part::kDataPath
                : path.root() == Path::Root::kRuntime ? Part::kRuntimePath
                                                      : Part::kCachePath,
                path.relative(), path.service()}) {}

void Text::AddUses(std::set<std::string>& services,
                   std::set<std::string>& at_start) const {
  for (const Part& part : parts_) {
    if (part.kind == Part::kEndpoint && !part.service.empty())
      (part.at_start ? at_start : services).insert(part.service.get());
  }
}

Text AtStart(Text text) {
  for (Text::Part& part : text.parts_) {
    part.at_start = part.kind == Text::Part::kEndpoint;
  }
  return text;
}

}  // namespace espalier
