#include "packs/layers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "value/json.hpp"

namespace squall::packs {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Layers : public ::testing::Test {
 protected:
  Layers() {
    char pattern[] = "/tmp/squall-layers-XXXXXX";
    root_ = ::mkdtemp(pattern);
    pack("shipped/cloud");
    write("shipped/cloud/actions/get.yaml", "name: get\nrunner_type: noop\n");
    write("shipped/cloud/actions/put.yaml", "name: put\nrunner_type: noop\ndescription: shipped\n");
    write("shipped/cloud/sensors/s.yaml", "class_name: S\nentry_point: native\ntrigger_types: [{name: seen}]\n");
    write("shipped/cloud/config.schema.yaml", "token: {type: string, secret: true}\nport: {type: integer}\n");
    pack("shipped/other");
  }
  ~Layers() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(root_ + "/" + path).parent_path());
    std::ofstream(root_ + "/" + path) << text;
  }
  void pack(const std::string& path, const std::string& more = "") const {
    write(path + "/pack.yaml", "name: " + fs::path(path).filename().string() + "\ndescription: " + path +
                                   "\nversion: 0.1.0\nauthor: x\n" + more);
  }
  std::vector<LoadedPack> load() const {
    return load_layers({root_ + "/own"}, root_ + "/shipped", {root_ + "/configs"});
  }

  std::string root_;
};

std::vector<std::string> refs(const std::vector<Value>& documents) {
  std::vector<std::string> found;
  for (const Value& document : documents) found.push_back(document["ref"].string());
  return found;
}

TEST_F(Layers, APackOfTheSameRefAddsAndReplaces) {
  pack("own/st2-cloud", "ref: cloud\n");
  write("own/st2-cloud/actions/put.yaml", "name: put\nrunner_type: noop\ndescription: own\n");
  write("own/st2-cloud/actions/rds.yaml", "name: rds\nrunner_type: noop\n");
  write("own/st2-cloud/sensors/s.py", "");
  write("own/st2-cloud/sensors/s.yaml", "class_name: S\nentry_point: s.py\n");
  write("own/st2-cloud/config.schema.yaml", "port: {type: string}\n");
  write("configs/cloud.yaml", "port: \"80\"\n");
  const auto packs = load();
  ASSERT_EQ(packs.size(), 2u);
  const LoadedPack& cloud = packs[0];
  for (const LoadProblem& problem : cloud.problems) ADD_FAILURE() << problem.error.to_string();
  EXPECT_EQ(cloud.pack["path"].string(), root_ + "/own/st2-cloud");
  EXPECT_THAT(refs(cloud.actions), ElementsAre("cloud.put", "cloud.rds", "cloud.get"));
  EXPECT_EQ(cloud.actions[0]["description"].string(), "own");
  EXPECT_THAT(refs(cloud.trigger_types), ElementsAre("cloud.seen"));
  ASSERT_EQ(cloud.sensors.size(), 1u);
  EXPECT_EQ(cloud.sensors[0]["entry_point"].string(), "sensors.s.S")
      << "a sensor of the pack takes the native one's place";
  EXPECT_EQ(to_json(cloud.config_schema), R"({"port":{"type":"string"},"token":{"type":"string","secret":true}})");
  EXPECT_EQ(to_json(cloud.config), R"({"port":"80"})") << "checked with the schema above";
  EXPECT_EQ(cloud.path_of(cloud.actions[1]), root_ + "/own/st2-cloud");
  EXPECT_EQ(cloud.path_of(cloud.actions[2]), root_ + "/shipped/cloud");
}

TEST_F(Layers, WhatShipsStaysWhenThePackAboveIsUnusable) {
  write("own/cloud/pack.yaml", "- no map\n");
  const auto packs = load();
  ASSERT_EQ(packs.size(), 2u);
  EXPECT_EQ(packs[0].pack["path"].string(), root_ + "/shipped/cloud");
  EXPECT_THAT(refs(packs[0].actions), ElementsAre("cloud.get", "cloud.put"));
  ASSERT_EQ(packs[0].problems.size(), 1u);
  EXPECT_THAT(packs[0].problems[0].error.to_string(), HasSubstr("own/cloud/pack.yaml"));
}

TEST_F(Layers, StackStormsOwnPackOfPacksLiesBelow) {
  pack("shipped/packs");
  write("shipped/packs/actions/get.yaml", "name: get\nrunner_type: noop\ndescription: shipped\n");
  pack("own/packs");
  write("own/packs/actions/get.yaml", "name: get\nrunner_type: noop\ndescription: own\n");
  write("own/packs/actions/more.yaml", "name: more\nrunner_type: noop\n");
  const auto packs = load();
  ASSERT_EQ(packs.size(), 3u);
  const LoadedPack& layered = packs[2];
  EXPECT_EQ(layered.pack["path"].string(), root_ + "/shipped/packs");
  EXPECT_THAT(refs(layered.actions), ElementsAre("packs.get", "packs.more"));
  EXPECT_EQ(layered.actions[0]["description"].string(), "shipped");
  EXPECT_EQ(layered.path_of(layered.actions[1]), root_ + "/own/packs");
}

TEST_F(Layers, OfTwoPacksWithOneRefTheFirstIsUsed) {
  pack("own/a", "ref: twin\n");
  pack("own/b", "ref: twin\n");
  const auto packs = load();
  ASSERT_EQ(packs.size(), 3u);
  EXPECT_EQ(packs[2].pack["path"].string(), root_ + "/own/a");
}

TEST_F(Layers, TheShippedDirectoryMayBeNamedToo) {
  const auto packs = load_layers({root_ + "/shipped"}, root_ + "/shipped", {});
  ASSERT_EQ(packs.size(), 2u);
  EXPECT_TRUE(packs[0].other_paths.empty());
  EXPECT_TRUE(load_layers({}, "", {}).empty());
}

}  // namespace
}  // namespace squall::packs
