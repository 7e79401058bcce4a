using System.Runtime.InteropServices;
using Mewe.Equivalence.Proof.Solving;

namespace Mewe.Equivalence.Tests.Proof.Solving;

/// <summary>
/// Z3 sets a handler of Ctrl-C of its own during each check unless it is told not to. With checks on several threads that of a check that was over stayed, and a later Ctrl-C
/// jumped into freed memory.
/// </summary>
public sealed partial class Z3InterruptTests
{
    private const int SigInt = 2;

    [Fact]
    public void Checks_on_several_threads_leave_Ctrl_C_to_the_program()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the layout of a handler is that of Linux");
        var before = Handler();

        Parallel.For(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
            Z3Solver.Create().Check($"(declare-const x (_ BitVec 16)) (assert (= (bvmul x x) #x{i:x4}))", 100_000));

        Assert.Equal(before, Handler());
    }

    /// <summary>The address of the function that handles SIGINT: the first word of struct sigaction.</summary>
    private static nint Handler()
    {
        var action = new byte[256];
        Assert.Equal(0, Action(SigInt, 0, action));
        return MemoryMarshal.Read<nint>(action);
    }

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int Action(int signal, nint none, [Out] byte[] old);
}
