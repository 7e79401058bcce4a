namespace Mewe.Silo;

/// <summary>What the program exits with: the numbers are those of `mewe`.</summary>
public static class ExitCode
{
    public const int Success = 0;

    /// <summary>The answer is no: there is no such key.</summary>
    public const int Negative = 1;

    public const int Usage = 64;

    /// <summary>The store or the engines cannot be used.</summary>
    public const int Unavailable = 69;
}

/// <summary>The program cannot do what it was started for; a message of one line and an exit code.</summary>
public sealed class StartupException(int code, string message) : Exception(message)
{
    public int Code { get; } = code;
}
