// Writes the small part of YAML that configuration files of services need.
//
// Pure; single owner.
#ifndef GROAT_TOOLS_GROAT_PLATFORM_YAML_TEXT_H_
#define GROAT_TOOLS_GROAT_PLATFORM_YAML_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace groat::platform {

class YamlText {
 public:
  YamlText& Comment(std::string_view text);
  YamlText& Text(std::string_view key, std::string_view value);
  YamlText& Number(std::string_view key, uint64_t value);
  YamlText& Bool(std::string_view key, bool value);
  // A value with a unit, as 500ms: no quotes.
  YamlText& Word(std::string_view key, std::string_view word);
  YamlText& List(std::string_view key, const std::vector<std::string>& values);
  // What is written until EndMap lies below `key`.
  YamlText& Map(std::string_view key);
  YamlText& EndMap();

  const std::string& text() const { return text_; }

 private:
  void Key(std::string_view key);
  std::string text_;
  std::string indent_;
};

}  // namespace groat::platform

#endif  // GROAT_TOOLS_GROAT_PLATFORM_YAML_TEXT_H_
