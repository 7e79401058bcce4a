namespace Mewe.Client.Tests;

/// <summary>Scripts rely on the exit codes: they do not change.</summary>
public sealed class ExitCodeTests
{
    [Fact]
    public void ExitCodesAreThoseOfSysexits() => Assert.Equal(
        [0, 1, 64, 65, 66, 69, 70, 73, 130],
        new[]
        {
            ExitCode.Success, ExitCode.Negative, ExitCode.Usage, ExitCode.DataError, ExitCode.NoInput, ExitCode.Unavailable, ExitCode.Internal, ExitCode.CannotCreate,
            ExitCode.Cancelled,
        });
}
