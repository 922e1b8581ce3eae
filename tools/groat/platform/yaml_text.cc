#include "tools/groat/platform/yaml_text.h"

#include <nlohmann/json.hpp>

namespace groat::platform {
namespace {

// JSON's quoted form of a text is one of YAML's.
std::string Quoted(std::string_view text) { return nlohmann::json(text).dump(); }

constexpr size_t kIndent = 2;

}  // namespace

void YamlText::Key(std::string_view key) { text_.append(indent_).append(key).append(":"); }

YamlText& YamlText::Comment(std::string_view text) {
  text_.append(indent_).append("# ").append(text).append("\n");
  return *this;
}

YamlText& YamlText::Word(std::string_view key, std::string_view word) {
  Key(key);
  text_.append(" ").append(word).append("\n");
  return *this;
}

YamlText& YamlText::Text(std::string_view key, std::string_view value) {
  return Word(key, Quoted(value));
}

YamlText& YamlText::Number(std::string_view key, uint64_t value) {
  return Word(key, std::to_string(value));
}

YamlText& YamlText::Bool(std::string_view key, bool value) {
  return Word(key, value ? "true" : "false");
}

YamlText& YamlText::List(std::string_view key, const std::vector<std::string>& values) {
  std::string list = "[";
  for (const std::string& value : values) {
    if (list.size() > 1) list.append(", ");
    list.append(Quoted(value));
  }
  return Word(key, list.append("]"));
}

YamlText& YamlText::Map(std::string_view key) {
  Key(key);
  text_.append("\n");
  indent_.append(kIndent, ' ');
  return *this;
}

YamlText& YamlText::EndMap() {
  indent_.resize(indent_.size() - kIndent);
  return *this;
}

}  // namespace groat::platform
