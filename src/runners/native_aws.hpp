// Native actions of the pack `aws`.
#pragma once

#include "runners/native.hpp"

namespace squall::runners {

// aws.rds_create_db_instance, rds_describe_db_instances, rds_describe_db_instance, rds_delete_db_instance,
// rds_modify_db_instance, rds_wait_db_instance, rds_create_db_snapshot, rds_describe_db_snapshots,
// rds_delete_db_snapshot. Region, endpoint and credentials come from the config of the pack `aws`, else from AWS's
// environment variables and files.
void add_aws_actions(NativeRegistry& registry);

}  // namespace squall::runners
