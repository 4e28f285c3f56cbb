# Connections, and the endpoint that scripts written for FSx use.

function Connect-FreeholdServer {
    <#
    .SYNOPSIS
    Says which Freehold server the commands of this session are for.

    .DESCRIPTION
    Commands of the module go to the server that was named last. On Windows they use the ticket of the logged-on user (Kerberos, or
    NTLM where there is none); the user has to be an administrator of the server. With -Credential another account is used, with
    -Token a token that `freehold token add` made, which may do only what its scopes say.

    On Linux, where no server was named, commands use the server of this machine through the program `freehold` and its
    administration socket.

    A server whose certificate the machine does not trust is recognised by -CertificateThumbprint; the server logs it when it starts.

    .PARAMETER Server
    The server: files.corp.example, files.corp.example:9445, or https://files.corp.example:9445. The port is 8445 when it is not named.

    .PARAMETER Credential
    An account of the server or of its domain, in place of the logged-on user.

    .PARAMETER Token
    A token of the server.

    .PARAMETER UseDefaultCredentials
    Use the ticket of the logged-on user. That is what is done when neither -Credential nor -Token is given.

    .PARAMETER CertificateThumbprint
    The fingerprint of the server's certificate, SHA-256 (64 digits) or SHA-1 (40 digits). Only this certificate is accepted then.

    .PARAMETER Local
    Use the server of this machine through the program and its administration socket. Linux only.

    .PARAMETER Program
    The program, when it is not the `freehold` of the search path.

    .PARAMETER ConfigurationFile
    The configuration file of the local server, when it is not /etc/freehold/freehold.toml.

    .PARAMETER Volume
    The volume that commands use when none is named, and that drive D: of FSx's commands stands for. A server with one volume needs
    none.

    .PARAMETER TimeoutSeconds
    How long one request may take.

    .PARAMETER AsFSxEndpoint
    Let Invoke-Command with -ConfigurationName FSxRemoteAdmin run its script block here, against this server. See
    about_Freehold.

    .PARAMETER PassThru
    Return the connection, to be given to -Connection.

    .EXAMPLE
    Connect-FreeholdServer files.corp.example

    Uses the ticket of the logged-on user.

    .EXAMPLE
    Connect-FreeholdServer https://files.corp.example:9445 -Credential CORP\admin -CertificateThumbprint 'AB:CD:...'

    .EXAMPLE
    Connect-FreeholdServer files.corp.example -Token (Read-Host -AsSecureString)

    .EXAMPLE
    $FSxWindowsRemotePowerShellEndpoint = (Connect-FreeholdServer files.corp.example -AsFSxEndpoint -PassThru).Endpoint

    The one line that changes in a script written for FSx.

    .LINK
    about_Freehold
    #>
    [CmdletBinding(DefaultParameterSetName = 'DefaultCredentials')]
    [OutputType('Freehold.Connection')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ParameterSetName = 'DefaultCredentials')]
        [Parameter(Mandatory = $true, Position = 0, ParameterSetName = 'Credential')]
        [Parameter(Mandatory = $true, Position = 0, ParameterSetName = 'Token')]
        [Alias('Uri', 'ComputerName')]
        [ValidateNotNullOrEmpty()]
        [string] $Server,

        [Parameter(Mandatory = $true, ParameterSetName = 'Credential')]
        [System.Management.Automation.Credential()]
        [pscredential] $Credential,

        [Parameter(Mandatory = $true, ParameterSetName = 'Token')]
        [securestring] $Token,

        [Parameter(ParameterSetName = 'DefaultCredentials')]
        [switch] $UseDefaultCredentials,

        [Parameter(ParameterSetName = 'DefaultCredentials')]
        [Parameter(ParameterSetName = 'Credential')]
        [Parameter(ParameterSetName = 'Token')]
        [string] $CertificateThumbprint,

        [Parameter(Mandatory = $true, ParameterSetName = 'Local')]
        [switch] $Local,

        [Parameter(ParameterSetName = 'Local')]
        [string] $Program = 'freehold',

        [Parameter(ParameterSetName = 'Local')]
        [string] $ConfigurationFile,

        [string] $Volume,

        [ValidateRange(1, 86400)]
        [int] $TimeoutSeconds = 100,

        [switch] $AsFSxEndpoint,

        [switch] $PassThru
    )
    try {
        $properties = [ordered] @{
            Server = $null
            Authentication = $PSCmdlet.ParameterSetName
            Volume = $Volume
            Endpoint = 'localhost'
            Token = $Token
            Program = $null
            ConfigurationFile = $ConfigurationFile
            Client = $null
        }
        if ($Local) {
            if (Test-FreeholdWindows) {
                throw (New-FreeholdError -Message 'No server runs on Windows: name one with -Server' -Id 'NotLocal' -Category 'InvalidArgument')
            }
            $properties.Program = $Program
        }
        else {
            $properties.Server = Resolve-FreeholdUri -Server $Server
            $properties.Endpoint = $properties.Server.Host
            $pin = ''
            if ($CertificateThumbprint) {
                $pin = Resolve-FreeholdThumbprint -Thumbprint $CertificateThumbprint
            }
            $properties.Client = New-FreeholdClient -Credential $Credential -Token $Token -Thumbprint $pin -TimeoutSeconds $TimeoutSeconds
        }
        $connection = [pscustomobject] $properties
        $connection.PSObject.TypeNames.Insert(0, 'Freehold.Connection')
        # A first question, so that a wrong name, certificate or password is told now.
        $null = Send-FreeholdCommand -Command $script:FreeholdCommands['Get-FreeholdStatus'] -Parameters @{} -Connection $connection -Target $Server
        $script:FreeholdConnection = $connection
        if ($AsFSxEndpoint) {
            Set-Alias -Name 'Invoke-Command' -Value 'Invoke-FreeholdEndpointCommand' -Scope Global
        }
        if ($PassThru) {
            $connection
        }
    }
    catch {
        $PSCmdlet.ThrowTerminatingError($_)
    }
}

function Disconnect-FreeholdServer {
    <#
    .SYNOPSIS
    Forgets the server of this session.

    .DESCRIPTION
    Ends the connection that Connect-FreeholdServer made, and gives Invoke-Command back to PowerShell where -AsFSxEndpoint took it.

    .EXAMPLE
    Disconnect-FreeholdServer

    .LINK
    Connect-FreeholdServer
    #>
    [CmdletBinding()]
    param()
    if ($script:FreeholdConnection -and $script:FreeholdConnection.Client) {
        $script:FreeholdConnection.Client.Dispose()
    }
    $script:FreeholdConnection = $null
    if (Test-Path -Path 'Alias:\Invoke-Command') {
        Remove-Item -Path 'Alias:\Invoke-Command' -Force
    }
}

function Invoke-FreeholdEndpointCommand {
    <#
    .SYNOPSIS
    Runs a script block that was written for FSx's remote PowerShell endpoint against the connected Freehold server.

    .DESCRIPTION
    Takes the place of Invoke-Command after Connect-FreeholdServer -AsFSxEndpoint. A script block with -ConfigurationName
    FSxRemoteAdmin runs in this session; $Using: variables have the values of the caller. Everything else goes on to PowerShell's
    own Invoke-Command.

    .PARAMETER First
    The script block, or the endpoint where the script block comes second.

    .PARAMETER Second
    The script block.

    .PARAMETER ScriptBlock
    What is run.

    .PARAMETER ComputerName
    The endpoint. It has to be the connected server's.

    .PARAMETER ConfigurationName
    FSxRemoteAdmin.

    .PARAMETER ArgumentList
    Arguments of the script block's param().

    .PARAMETER Credential
    Kept so that scripts run; the connection's logon is used.

    .PARAMETER SessionOption
    Kept so that scripts run; it has no use here.

    .PARAMETER Session
    Goes on to PowerShell's own Invoke-Command, as do the parameters below.

    .PARAMETER FilePath
    As in Invoke-Command.

    .PARAMETER InputObject
    As in Invoke-Command.

    .PARAMETER Port
    As in Invoke-Command.

    .PARAMETER Authentication
    As in Invoke-Command.

    .PARAMETER ThrottleLimit
    As in Invoke-Command.

    .PARAMETER JobName
    As in Invoke-Command.

    .PARAMETER UseSSL
    As in Invoke-Command.

    .PARAMETER AsJob
    As in Invoke-Command.

    .PARAMETER HideComputerName
    As in Invoke-Command.

    .PARAMETER NoNewScope
    As in Invoke-Command.

    .EXAMPLE
    Invoke-Command -ComputerName $FSxWindowsRemotePowerShellEndpoint -ConfigurationName FSxRemoteAdmin -ScriptBlock { Get-FSxSmbShare }

    .LINK
    Connect-FreeholdServer
    #>
    [CmdletBinding(PositionalBinding = $false)]
    param(
        [Parameter(Position = 0)]
        [object] $First,

        [Parameter(Position = 1)]
        [object] $Second,

        [Alias('Command')]
        [scriptblock] $ScriptBlock,

        [Alias('Cn')]
        [string[]] $ComputerName,

        [string] $ConfigurationName,

        [Alias('Args')]
        [object[]] $ArgumentList,

        [object] $Credential,

        [object] $SessionOption,

        [object] $Session,

        [object] $FilePath,

        [Parameter(ValueFromPipeline = $true)]
        [object] $InputObject,

        [object] $Port,

        [object] $Authentication,

        [object] $ThrottleLimit,

        [object] $JobName,

        [switch] $UseSSL,

        [switch] $AsJob,

        [switch] $HideComputerName,

        [switch] $NoNewScope
    )
    end {
        $given = @{}
        foreach ($key in $PSBoundParameters.Keys) {
            if ($key -ne 'First' -and $key -ne 'Second') {
                $given[$key] = $PSBoundParameters[$key]
            }
        }
        foreach ($value in $First, $Second) {
            if ($value -is [scriptblock]) {
                $given['ScriptBlock'] = $value
            }
            elseif ($null -ne $value) {
                $given['ComputerName'] = $value
            }
        }
        if ($ConfigurationName -ne 'FSxRemoteAdmin') {
            return Microsoft.PowerShell.Core\Invoke-Command @given
        }
        $endpoint = (Get-FreeholdCurrentConnection).Endpoint
        foreach ($computer in $given['ComputerName']) {
            if ($computer -ne $endpoint) {
                $PSCmdlet.ThrowTerminatingError((New-FreeholdError -Message "$computer is not the connected server, $endpoint" -Id 'OtherEndpoint' -Category 'InvalidArgument' -Target $computer))
            }
        }
        # Each $Using:Name becomes $Name, a variable of the block with the value that the caller has.
        $tree = $given['ScriptBlock'].Ast
        $uses = $tree.FindAll({ param($node) $node -is [System.Management.Automation.Language.UsingExpressionAst] }, $true)
        $variables = New-Object -TypeName 'System.Collections.Generic.List[psvariable]'
        $text = $tree.Extent.Text
        if ($text.StartsWith('{')) {
            $text = $text.Substring(1, $text.Length - 2)
        }
        $names = $uses | ForEach-Object { $_.SubExpression.VariablePath.UserPath -replace '^(?i:using:)', '' } | Sort-Object -Unique
        foreach ($name in $names) {
            $text = $text -replace ('(?i)\$using:' + [regex]::Escape($name) + '\b'), ('$$' + $name)
            $value = $PSCmdlet.SessionState.PSVariable.GetValue($name)
            $variables.Add([psvariable]::new($name, $value))
        }
        $arguments = @()
        if ($null -ne $ArgumentList) {
            $arguments = $ArgumentList
        }
        [scriptblock]::Create($text).InvokeWithContext($null, $variables, $arguments)
    }
}
