# Which server a command is for, and how it is reached: HTTPS, or the local program and its administration socket.

# Checks a server's certificate by its fingerprint. Compiled: .NET asks for it on threads that have no runspace.
$script:FreeholdPinSource = @'
using System;
using System.Net.Http;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Freehold
{
    public sealed class Pin
    {
        private readonly string fingerprint;

        public Pin(string fingerprint)
        {
            this.fingerprint = fingerprint;
        }

        public bool Check(HttpRequestMessage request, X509Certificate2 certificate, X509Chain chain, SslPolicyErrors errors)
        {
            if (certificate == null)
            {
                return false;
            }
            if (fingerprint.Length == 40)
            {
                return string.Equals(certificate.Thumbprint, fingerprint, StringComparison.OrdinalIgnoreCase);
            }
            using (SHA256 hash = SHA256.Create())
            {
                string found = BitConverter.ToString(hash.ComputeHash(certificate.RawData)).Replace("-", "");
                return string.Equals(found, fingerprint, StringComparison.OrdinalIgnoreCase);
            }
        }

        public static void Apply(HttpClientHandler handler, string fingerprint)
        {
            handler.ServerCertificateCustomValidationCallback = new Pin(fingerprint).Check;
        }
    }
}
'@

function Test-FreeholdWindows {
    if ($PSVersionTable.PSEdition -eq 'Core') {
        return [bool] $IsWindows
    }
    $true
}

# `files`, `files:9445` and `https://files:9445` are the same server. Clear HTTP is refused.
function Resolve-FreeholdUri {
    param([string] $Server)
    $text = $Server.Trim().TrimEnd('/')
    if ($text -notmatch '^[A-Za-z][A-Za-z0-9+.-]*://') {
        $text = "https://$text"
    }
    $uri = $null
    if (-not [uri]::TryCreate($text, [System.UriKind]::Absolute, [ref] $uri)) {
        throw (New-FreeholdError -Message "$Server is no server: give a name such as files.corp.example, or a URI such as https://files.corp.example:9445" -Id 'BadServer' -Category 'InvalidArgument' -Target $Server)
    }
    if ($uri.Scheme -ne 'https') {
        throw (New-FreeholdError -Message "$Server is not encrypted: a Freehold server is administered over https only" -Id 'NotEncrypted' -Category 'SecurityError' -Target $Server)
    }
    if ($text -notmatch '^https://(\[[^\]]*\]|[^:/\[]+):\d+') {
        $builder = New-Object -TypeName System.UriBuilder -ArgumentList $uri
        $builder.Port = $script:FreeholdPort
        $uri = $builder.Uri
    }
    $uri
}

# Hexadecimal digits of SHA-1 (40) or SHA-256 (64), whatever stands between them.
function Resolve-FreeholdThumbprint {
    param([string] $Thumbprint)
    $digits = $Thumbprint -replace '^(?i:SHA-?256|SHA-?1)[:=]', '' -replace '[^0-9A-Fa-f]', ''
    if ($digits.Length -ne 40 -and $digits.Length -ne 64) {
        throw (New-FreeholdError -Message "$Thumbprint is no fingerprint of a certificate: 64 hexadecimal digits of SHA-256, or 40 of SHA-1" -Id 'BadThumbprint' -Category 'InvalidArgument' -Target $Thumbprint)
    }
    $digits
}

function New-FreeholdClient {
    param([pscredential] $Credential, [securestring] $Token, [string] $Thumbprint, [int] $TimeoutSeconds)
    if ($PSVersionTable.PSEdition -ne 'Core') {
        Add-Type -AssemblyName System.Net.Http
        # Zero leaves the choice to Windows, which is TLS 1.2 or later by now; another value may not name it.
        $chosen = [System.Net.ServicePointManager]::SecurityProtocol
        if ([int] $chosen -ne 0) {
            [System.Net.ServicePointManager]::SecurityProtocol = $chosen -bor [System.Net.SecurityProtocolType]::Tls12
        }
    }
    $handler = New-Object -TypeName System.Net.Http.HttpClientHandler
    $handler.AllowAutoRedirect = $false
    if ($Credential) {
        $handler.Credentials = $Credential.GetNetworkCredential()
    }
    elseif (-not $Token) {
        $handler.UseDefaultCredentials = $true
    }
    if ($Thumbprint) {
        if (-not ('Freehold.Pin' -as [type])) {
            if ($PSVersionTable.PSEdition -eq 'Core') {
                Add-Type -TypeDefinition $script:FreeholdPinSource
            }
            else {
                Add-Type -TypeDefinition $script:FreeholdPinSource -ReferencedAssemblies System.Net.Http
            }
        }
        [Freehold.Pin]::Apply($handler, $Thumbprint)
    }
    $client = New-Object -TypeName System.Net.Http.HttpClient -ArgumentList $handler
    $client.Timeout = [timespan]::FromSeconds($TimeoutSeconds)
    $client
}

# The connection of a command: the given one, the session's, the one that FREEHOLD_SERVER names, this machine's own server.
function Get-FreeholdCurrentConnection {
    param([object] $Connection)
    if ($Connection) {
        return $Connection
    }
    if ($script:FreeholdConnection) {
        return $script:FreeholdConnection
    }
    if ($env:FREEHOLD_SERVER) {
        return Connect-FreeholdServer -Server $env:FREEHOLD_SERVER -PassThru
    }
    if (-not (Test-FreeholdWindows)) {
        return Connect-FreeholdServer -Local -PassThru
    }
    throw (New-FreeholdError -Message 'There is no connection: say which server with Connect-FreeholdServer, such as Connect-FreeholdServer files.corp.example' -Id 'NotConnected' -Category 'ConnectionError')
}
