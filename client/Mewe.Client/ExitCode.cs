namespace Mewe.Client;

/// <summary>What `mewe` exits with; the numbers from 64 are those of sysexits.h.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>The command did its work and the answer is no: a module that does not verify, a run that trapped.</summary>
    public const int Negative = 1;

    /// <summary>The command line makes no sense.</summary>
    public const int Usage = 64;

    /// <summary>The input is malformed, invalid or unsupported.</summary>
    public const int DataError = 65;

    /// <summary>An input file is missing or cannot be read.</summary>
    public const int NoInput = 66;

    /// <summary>Something that is needed is missing, such as an engine.</summary>
    public const int Unavailable = 69;

    /// <summary>A defect of Mewe.</summary>
    public const int Internal = 70;

    /// <summary>The output cannot be written.</summary>
    public const int CannotCreate = 73;

    /// <summary>Not yet: the job is not finished.</summary>
    public const int NotReady = 75;

    /// <summary>The key is wrong, or may not do this.</summary>
    public const int NoPermission = 77;

    /// <summary>Ctrl-C.</summary>
    public const int Cancelled = 130;
}

/// <summary>Ends a command with a message of one line and an exit code.</summary>
internal sealed class CommandException(int exitCode, string message) : Exception(message)
{
    public int Code { get; } = exitCode;
}
