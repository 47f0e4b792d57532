// Gives the schemas of the folder `value` the regular expressions of the folder `text`.
#pragma once

namespace squall::packs {

// Calls schema::set_pattern_matcher() on its first use, later calls do nothing. load_pack() calls it, because every
// parameter's name is checked against a pattern; a program that checks schemas before it loads packs calls it itself,
// before it starts threads.
void install_schema_patterns();

}  // namespace squall::packs
