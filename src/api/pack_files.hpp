// Files of packs as the API shows and writes them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace squall::api {

// Larger files are not shown.
inline constexpr size_t kShownFileBytesMax = 500'000;

// The absolute path of a file of a pack; StackStorm's error when the path leads out of the pack.
Result<std::string> path_in_pack(const std::string& pack_directory, const std::string& file_path);

// The media type that StackStorm names for a file, by its ending.
std::string content_type_of(std::string_view file_name);

}  // namespace squall::api
