#include "runners/implied_requirements.hpp"

#include "runners/test_support.hpp"

namespace squall::runners {
namespace {

std::vector<std::string> names(const TemporaryDirectory& directory, const std::string& requirements = "") {
  std::vector<std::string> found;
  for (const auto& one : implied_requirements(directory.path(), requirements)) found.push_back(one.requirement);
  return found;
}

TEST(ImpliedRequirementsTest, ImportsAtTheTopOfFilesOfThePack) {
  TemporaryDirectory directory;
  directory.write("actions/a.py", "import os, yaml as y, six.moves\nfrom dateutil import parser\nimport requestsx\n");
  directory.write("sensors/deep/b.py", "import requests\r\n");
  directory.write("lib/c.py", "try:\n    import simplejson\nexcept ImportError:\n    import json\n# import psutil\n");
  directory.write("tests/d.py", "import paramiko\n");
  directory.write("actions/e.txt", "import jinja2\n");
  EXPECT_THAT(names(directory), testing::ElementsAre("python-dateutil", "requests", "six", "PyYAML"));
}

TEST(ImpliedRequirementsTest, WhatThePackRequiresItselfIsNotImplied) {
  TemporaryDirectory directory;
  directory.write("actions/a.py", "import six\nimport yaml\nfrom dateutil import tz\n");
  EXPECT_THAT(names(directory, "pyyaml==3.11\npython_dateutil>=2  # for zones\nboto\n"), testing::ElementsAre("six"));
  EXPECT_THAT(names(TemporaryDirectory()), testing::IsEmpty());
}

}  // namespace
}  // namespace squall::runners
