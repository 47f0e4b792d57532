#include "packs/runner_types_text.hpp"

namespace squall::packs {

const std::string_view kRunnerTypesText = R"yaml(
parameters:
  cmd: &cmd {description: Command to run, type: string}
  cwd: &cwd {description: Working directory of the command, type: string}
  cwd_script: &cwd_script {description: Working directory of the script, type: string}
  env: &env {description: Environment variables of the action, type: object}
  debug: &debug
    {description: Tell more in the log while the action runs, type: boolean, required: false, default: false}
  content_version: &content_version
    {description: Git revision of the pack whose files are used, type: string, required: false}
  kwarg_op: &kwarg_op {default: "--", description: Put before the names of named arguments, type: string}
  kwarg_op_windows: &kwarg_op_windows {default: "-", description: Put before the names of named arguments, type: string}
  sudo: &sudo {default: false, description: Run the command as root, type: boolean}
  sudo_password: &sudo_password
    {default: null, description: Password for sudo, type: string, secret: true, required: false}
  timeout: &timeout {default: 60, description: Seconds after which the action is ended as timed out, type: integer}
  bastion_host: &bastion_host {description: Host to go through, required: false, type: string}
  remote_cwd: &remote_cwd {default: /tmp, description: Working directory on the remote host, type: string}
  remote_dir: &remote_dir
    {default: /tmp, description: Directory on the remote host for the files of the action, type: string}
  remote_dir_fixed: &remote_dir_fixed
    {default: /tmp, description: Directory on the remote host for its files, immutable: true, type: string}
  hosts: &hosts {description: Hosts to run on (host or host:port) with commas between, required: true, type: string}
  parallel: &parallel {default: false, description: Run on all hosts at the same time, immutable: true, type: boolean}
  passphrase: &passphrase {description: Passphrase of the private key, required: false, secret: true, type: string}
  password: &password {description: Password to log in with, required: false, secret: true, type: string}
  port: &port {description: Port of SSH on the hosts, required: false, type: integer}
  private_key: &private_key
    {description: Private key to log in with (its text or a path), required: false, secret: true, type: string}
  username: &username {description: User to log in as, required: false, type: string}
  win_host: &win_host {description: Host to run on, required: true, type: string}
  win_password: &win_password {description: Password to log in with, required: true, secret: true, type: string}
  win_port: &win_port {default: 5986, description: Port of WinRM on the host, required: false, type: integer}
  win_scheme: &win_scheme {default: https, description: http or https, required: false, type: string}
  win_transport: &win_transport
    default: ntlm
    description: How to log in
    required: false
    type: string
    enum: [basic, certificate, credssp, kerberos, ntlm, plaintext, ssl]
  win_username: &win_username {description: User to log in as, required: true, type: string}
  win_verify: &win_verify {default: true, description: Check the certificate of the host, type: boolean}
  any: &any
    anyOf:
      [{type: object}, {type: string}, {type: integer}, {type: number}, {type: boolean}, {type: array}, {type: "null"}]

runners:
  action-chain:
    description: A runner for linear work flows of actions
    package: action_chain_runner
    module: action_chain_runner
    parameters:
      display_published: {default: true, description: Show published variables in the result, type: boolean}
      skip_notify: {default: [], description: Names of tasks that do not notify, type: array}
    output_key: published
    output_schema:
      type: object
      properties: {published: {type: object}, tasks: {type: array}}
      additionalProperties: false

  announcement:
    description: A runner that sends an announcement to everybody who listens to the stream of events
    package: announcement_runner
    module: announcement_runner
    parameters:
      experimental: {default: false, description: Has to be set to use this runner, required: true, type: boolean}
      route: {default: general, description: Route of the announcement, maxLength: 255, minLength: 1, type: string}

  http-request:
    description: A runner that makes an HTTP request
    package: http_runner
    module: http_runner
    parameters:
      allow_redirects: {default: false, description: Follow redirects, type: boolean}
      cookies: {description: Cookies to send, type: object}
      headers: {description: Headers to send, type: object}
      http_proxy: {description: URL of the proxy for http, type: string}
      https_proxy: {description: URL of the proxy for https, type: string}
      password: {description: Password for basic authentication, type: string, secret: true}
      url: {description: URL to request, required: true, type: string}
      username: {description: User for basic authentication, type: string}
      verify_ssl_cert: {default: true, description: Check the certificate of the server, type: boolean}
      url_hosts_blacklist:
        {description: Hosts that may not be asked, required: false, type: array, items: {type: string}}
      url_hosts_whitelist:
        {description: The only hosts that may be asked, required: false, type: array, items: {type: string}}
    output_key: body
    output_schema:
      type: object
      properties: {status_code: {type: integer}, body: *any, parsed: {type: boolean}, headers: {type: object}}
      additionalProperties: false

  inquirer:
    description: A runner that asks a question and waits for the answer
    package: inquirer_runner
    module: inquirer_runner
    parameters:
      schema:
        default:
          title: response_data
          type: object
          properties: {continue: {type: boolean, description: Would you like to continue the workflow?, required: true}}
        required: true
        description: JSON Schema of the answer
        type: object
      route: {default: "", required: false, description: Route that is told of the question, type: string}
      roles: {default: [], required: false, description: Roles whose members may answer, type: array}
      users: {default: [], required: false, description: Users who may answer, type: array}
      ttl: {default: 1440, required: true, description: Minutes after which the question is closed, type: integer}

  local-shell-cmd:
    description: A runner for a command on the host of the engine
    package: local_runner
    module: local_shell_command_runner
    parameters:
      cmd: *cmd
      cwd: *cwd
      env: *env
      kwarg_op: *kwarg_op
      sudo: *sudo
      sudo_password: *sudo_password
      timeout: *timeout

  local-shell-script:
    description: A runner for a script of the pack on the host of the engine
    package: local_runner
    module: local_shell_script_runner
    parameters:
      debug: *debug
      content_version: *content_version
      cwd: *cwd_script
      env: *env
      kwarg_op: *kwarg_op
      sudo: *sudo
      sudo_password: *sudo_password
      timeout: *timeout

  native:
    description: An action written in C++ inside squall; entry_point is its name
    package: native
    module: native
    parameters: {}

  noop:
    description: A runner that returns a static response regardless of input parameters
    package: noop_runner
    module: noop_runner
    parameters: {}

  orquesta: &orquesta
    description: A runner for Orquesta workflows
    package: orquesta_runner
    module: orquesta_runner
    parameters:
      notify:
        type: array
        description: Names of tasks that notify
        uniqueItems: true
        items: {type: string, minLength: 1, pattern: "^\\w+$"}
        default: []
    output_key: output
    output_schema:
      type: object
      properties: {errors: {anyOf: [{type: object}, {type: array}]}, output: *any}
      additionalProperties: false

  orchestra: *orquesta

  mistral-v2:
    description: A runner for Mistral workflows
    package: mistral_v2
    module: mistral_v2
    parameters:
      workflow: {description: The workflow of a workbook to run, type: string}
      task_name: {description: The task that a reverse workflow is to reach, type: string}
      context: {default: {}, description: Further inputs of the workflow, type: object}
      skip_notify: {default: [], description: Names of tasks that do not notify, type: array}
      debug: *debug

  python-script:
    description: A runner for an action written in Python
    package: python_runner
    module: python_runner
    parameters:
      debug: *debug
      content_version: *content_version
      env: *env
      timeout:
        {default: 600, description: Seconds after which the action is ended as timed out, type: integer}
      log_level:
        description: The least severe messages of the action's logger that are kept
        type: string
        default: DEBUG
        enum: [AUDIT, CRITICAL, ERROR, WARNING, INFO, DEBUG]
    output_key: result
    output_schema:
      type: object
      properties:
        result: *any
        stderr: {type: string, required: true}
        stdout: {type: string, required: true}
        exit_code: {type: integer, required: true}
      additionalProperties: false

  remote-shell-cmd:
    description: A runner for a command on other hosts, through SSH
    package: remote_runner
    module: remote_command_runner
    parameters:
      bastion_host: *bastion_host
      cmd: *cmd
      cwd: *remote_cwd
      dir: *remote_dir_fixed
      env: *env
      hosts: *hosts
      kwarg_op: *kwarg_op
      parallel: *parallel
      passphrase: *passphrase
      password: *password
      port: *port
      private_key: *private_key
      sudo: *sudo
      sudo_password: *sudo_password
      timeout: *timeout
      username: *username

  remote-shell-script:
    description: A runner for a script of the pack on other hosts, through SSH
    package: remote_runner
    module: remote_script_runner
    parameters:
      bastion_host: *bastion_host
      cwd: *remote_cwd
      dir: *remote_dir
      env: *env
      hosts: *hosts
      kwarg_op: *kwarg_op
      parallel: *parallel
      passphrase: *passphrase
      password: *password
      port: *port
      private_key: *private_key
      sudo: *sudo
      sudo_password: *sudo_password
      timeout: *timeout
      username: *username

  winrm-cmd:
    description: A runner for a command on a Windows host, through WinRM
    package: winrm_runner
    module: winrm_command_runner
    parameters: &winrm_cmd_parameters
      cmd: *cmd
      cwd: *cwd
      env: *env
      host: *win_host
      kwarg_op: *kwarg_op_windows
      password: *win_password
      port: *win_port
      scheme: *win_scheme
      timeout: *timeout
      transport: *win_transport
      username: *win_username
      verify_ssl_cert: *win_verify

  winrm-ps-cmd:
    description: A runner for a PowerShell command on a Windows host, through WinRM
    package: winrm_runner
    module: winrm_ps_command_runner
    parameters: *winrm_cmd_parameters

  winrm-ps-script:
    description: A runner for a PowerShell script of the pack on a Windows host, through WinRM
    package: winrm_runner
    module: winrm_ps_script_runner
    parameters:
      cwd: *cwd_script
      env: *env
      host: *win_host
      kwarg_op: *kwarg_op_windows
      password: *win_password
      port: *win_port
      scheme: *win_scheme
      timeout: *timeout
      transport: *win_transport
      username: *win_username
      verify_ssl_cert: *win_verify
)yaml";

}  // namespace squall::packs
