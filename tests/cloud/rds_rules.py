"""The checks that AWS makes on RDS requests and moto does not, with AWS's codes and words."""

from __future__ import annotations

import re

from sigv4 import AwsError

Params = dict[str, str]

# A major version as people write it, and the full version that AWS would answer.
_FULL_VERSIONS = {"postgres": {"13": "13.20", "14": "14.17", "15": "15.12", "16": "16.8", "17": "17.4"},
                  "mysql": {"8.0": "8.0.41", "8.4": "8.4.4"},
                  "mariadb": {"10.6": "10.6.21", "10.11": "10.11.11", "11.4": "11.4.5"}}
_ENGINES = {"postgres", "mysql", "mariadb", "aurora-mysql", "aurora-postgresql", "custom-oracle-ee", "custom-oracle-se2",
            "custom-sqlserver-ee", "custom-sqlserver-se", "custom-sqlserver-web", "db2-ae", "db2-se", "oracle-ee",
            "oracle-ee-cdb", "oracle-se2", "oracle-se2-cdb", "sqlserver-ee", "sqlserver-ex", "sqlserver-se",
            "sqlserver-web"}
_RESERVED_USERS = {"postgres": {"admin", "rdsadmin", "rds_superuser", "rdsrepladmin"},
                   "mysql": {"rdsadmin", "root", "mysql"}, "mariadb": {"rdsadmin", "root", "mysql"}}
_USER_LENGTH_MAX = {"postgres": 63, "mysql": 32, "mariadb": 32}
_DB_NAME_LENGTH_MAX = {"postgres": 63, "mysql": 64, "mariadb": 64}


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)


def _combination(message: str) -> AwsError:
    return AwsError("InvalidParameterCombination", message)


def is_true(params: Params, name: str) -> bool:
    return params.get(name, "").lower() in ("true", "1")


def full_version(engine: str, version: str) -> str:
    return _FULL_VERSIONS.get(engine, {}).get(version, version)


def require(params: Params, *names: str) -> None:
    for name in names:
        if not params.get(name):
            raise AwsError("MissingParameter", f"The request must contain the parameter {name}.")


def check_identifier(value: str, parameter: str = "DBInstanceIdentifier") -> None:
    if not (re.fullmatch(r"[A-Za-z](-?[A-Za-z0-9])*", value) and len(value) <= 63):
        raise _invalid(f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must "
                       "contain only ASCII letters, digits, and hyphens; must not end with a hyphen or contain two "
                       "consecutive hyphens; and must be at most 63 characters.")


def _family(engine: str) -> str:
    return "postgres" if "postgres" in engine else engine.removeprefix("aurora-")


def password_length_max(engine: str) -> int:
    family = _family(engine)
    if family in ("mysql", "mariadb"):
        return 41
    if "oracle" in family:
        return 30
    return 255 if family.startswith("db2") else 128


def check_password(password: str, engine: str) -> None:
    """The words never repeat the password."""
    if re.search(r'[^\x20-\x7e]|[/"@ ]', password):
        raise _invalid("The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides "
                       "'/', '@', '\"', ' ' may be used.")
    if len(password) < 8:
        raise _invalid("The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.")
    longest = password_length_max(engine)
    if len(password) > longest:
        raise _invalid("The parameter MasterUserPassword is not a valid password because it is longer than "
                       f"{longest} characters.")


def check_create(params: Params) -> None:
    require(params, "DBInstanceIdentifier", "DBInstanceClass", "Engine")
    check_identifier(params["DBInstanceIdentifier"])
    engine = params["Engine"]
    if engine not in _ENGINES:
        raise _invalid(f"Invalid DB engine: {engine}")
    _check_class(params["DBInstanceClass"])
    _check_credentials(params, engine)
    _check_user(params.get("MasterUsername", ""), engine)
    _check_database_name(params.get("DBName"), engine)
    _check_storage(params, engine)
    _check_retention(params)


def _check_class(value: str) -> None:
    if not re.fullmatch(r"db\.[a-z0-9-]+\.[a-z0-9.-]+", value):
        raise _invalid(f"Invalid DB Instance class: {value}")


def _check_credentials(params: Params, engine: str) -> None:
    managed = is_true(params, "ManageMasterUserPassword")
    if managed and "MasterUserPassword" in params:
        raise _combination("You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.")
    if "DBClusterIdentifier" in params or managed:
        return
    if not params.get("MasterUserPassword"):
        raise _invalid("The parameter MasterUserPassword must be provided and must not be blank.")
    check_password(params["MasterUserPassword"], engine)


def _check_user(user: str, engine: str) -> None:
    family = _family(engine)
    if not user:
        if family in _RESERVED_USERS and not engine.startswith("aurora-"):
            raise _invalid("The parameter MasterUsername must be provided and must not be blank.")
        return
    if user.lower() in _RESERVED_USERS.get(family, set()):
        raise _invalid(f"MasterUsername {user} cannot be used as it is a reserved word used by the engine")
    longest = _USER_LENGTH_MAX.get(family, 128)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", user) or len(user) > longest:
        raise _invalid("The parameter MasterUsername is not a valid identifier. It must begin with a letter, contain only "
                       f"letters, digits and underscores, and be at most {longest} characters.")


def _check_database_name(name: str | None, engine: str) -> None:
    family = _family(engine)
    if name is None or family not in _DB_NAME_LENGTH_MAX:
        return
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or len(name) > _DB_NAME_LENGTH_MAX[family]:
        raise _invalid("DBName must begin with a letter and contain only alphanumeric characters.")
    if name.lower() in ("rdsadmin", "db"):
        raise _invalid(f"DBName {name} cannot be used. It is a reserved word for this engine")


def _check_storage(params: Params, engine: str) -> None:
    if engine.startswith("aurora-") or "DBClusterIdentifier" in params:
        return
    kind = params.get("StorageType", "gp2")
    smallest = 100 if kind in ("io1", "io2") else 5 if kind == "standard" else 20
    text = params.get("AllocatedStorage", "")
    if not text:
        raise _invalid("The parameter AllocatedStorage must be provided and must not be blank.")
    if not text.isdigit() or not smallest <= int(text) <= 65536:
        raise _invalid(f"Invalid storage size for engine name {engine} and storage type {kind}: {text}")
    upper = params.get("MaxAllocatedStorage", "")
    if upper.isdigit() and int(upper) <= int(text):
        raise _combination("Max storage size must be greater than storage size")


def _check_retention(params: Params) -> None:
    days = params.get("BackupRetentionPeriod", "1")
    if not days.isdigit() or int(days) > 35:
        raise _invalid(f"Invalid backup retention period: {days}. Backup retention period must be between 0 and 35.")


def check_modify(params: Params, current: Params) -> None:
    """`current` holds the instance as described: Engine, AllocatedStorage, EngineVersion..."""
    if "MasterUserPassword" in params:
        check_password(params["MasterUserPassword"], current.get("Engine", "postgres"))
    if "DBInstanceClass" in params:
        _check_class(params["DBInstanceClass"])
    _check_retention(params)
    size = params.get("AllocatedStorage", current.get("AllocatedStorage", "0"))
    if not size.isdigit():
        raise _invalid(f"Invalid storage size: {size}")
    if int(size) < int(current.get("AllocatedStorage", "0")):
        raise _combination("Requested storage size is smaller than the current one; storage of a DB instance can only grow.")
    if "EngineVersion" in params:
        _check_upgrade(params, current)
    if "NewDBInstanceIdentifier" in params:
        check_identifier(params["NewDBInstanceIdentifier"], "NewDBInstanceIdentifier")


def _check_upgrade(params: Params, current: Params) -> None:
    engine, have = current.get("Engine", ""), current.get("EngineVersion", "")
    want = full_version(engine, params["EngineVersion"])
    parts = 1 if engine == "postgres" else 2
    major_have, major_want = (_numbers(version)[:parts] for version in (have, want))
    if _numbers(want) < _numbers(have):
        raise _combination(f"Cannot upgrade {engine} from {have} to {want}")
    if major_want != major_have and not is_true(params, "AllowMajorVersionUpgrade"):
        raise _combination("The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def check_delete(params: Params, *, protected: bool) -> None:
    if protected:
        raise _combination("Cannot delete protected DB Instance, please disable deletion protection and try again.")
    final, skip = params.get("FinalDBSnapshotIdentifier"), is_true(params, "SkipFinalSnapshot")
    if skip and final:
        raise _combination("FinalDBSnapshotIdentifier can not be specified when deleting with SkipFinalSnapshot.")
    if not skip and not final:
        raise _combination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
    if final:
        check_identifier(final, "FinalDBSnapshotIdentifier")
