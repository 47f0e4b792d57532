// The actions of the pack `packs` that need squall itself: packs.unload, packs.delete and packs.setup_virtualenv. The
// others are written in Python (packs/packs).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/executor.hpp"
#include "base/result.hpp"
#include "runners/native.hpp"
#include "runners/virtualenv.hpp"

namespace squall::runners {

// What these actions may ask of the engine. Given by app/.
struct PackControl {
  // The directory of a pack that was installed or brought along, by its ref; empty when there is none. On any thread.
  std::function<std::string(const std::string& ref)> find;
  // True for a directory that squall was given as a pack (--packs PACK): it is not squall's to delete. On any thread.
  std::function<bool(const std::string& directory)> is_given;
  // Removes what is registered of these packs; durable before anything that follows. On the executor.
  std::function<void(const std::vector<std::string>& refs)> unregister;
  // Registers what the disk has of these packs, or removes it. On the executor.
  std::function<void(const std::vector<std::string>& refs)> follow;
};

// Results have the shape of the Python actions that StackStorm has in their place: {result, stdout, stderr, exit_code}.
// `executor` is the one that `virtualenvs` lives on.
void add_pack_actions(NativeRegistry& registry, Executor& executor, Virtualenvs& virtualenvs, PackControl control);

}  // namespace squall::runners
