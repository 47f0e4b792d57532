// Packs in layers: a pack that ships with squall lies below a pack of the same ref that somebody brings along.
#pragma once

#include <string>
#include <vector>

#include "packs/loader.hpp"

namespace squall::packs {

// `upper` with everything of `lower` that it does not have itself: actions, rules, sensors, trigger types, ... by ref,
// and attributes of the config schema by name. So a pack "kubernetes" from elsewhere adds to the one that ships with
// squall, whose actions other packs count on, and can replace parts of it. When `upper` is unusable, `lower` stays,
// with the problems of both.
LoadedPack lay_over(LoadedPack upper, LoadedPack lower);

// The packs of `directories` (see find_packs()), laid over those in `shipped` (empty: none) with the same ref; in the
// order of their refs; but StackStorm's own pack `packs` lies below squall's. With options.only, just those packs.
std::vector<LoadedPack> load_layers(const std::vector<std::string>& directories, const std::string& shipped,
                                    const LoadOptions& options);

}  // namespace squall::packs
