namespace Mewe.Equivalence.Testing;

/// <summary>
/// How much fuel the inputs of a round get while inputs are chosen. Most inputs of a loop should be cheap, for those that are chosen are run once per candidate; so nearly all get a share, and some get more to see what
/// comes later. How large the share is follows from what the rounds before showed: a loop that hardly ever ends burns all that it gets, and shows nothing for it.
/// </summary>
/// <param name="Limit">What a run may get at most.</param>
/// <param name="IsLittle">Whether more was burnt for nothing. False at the start.</param>
internal readonly record struct FuelSupply(int Limit, bool IsLittle)
{
    /// <summary>What most inputs get.</summary>
    public int Ordinary => IsLittle ? Limit / 80 : Limit / 10;

    /// <summary>Of the input with that number: one in 32 gets most, one in eight more than others.</summary>
    public int Of(int number) => number % 32 == 0 ? (IsLittle ? Limit / 4 : Limit) : number % 8 == 0 ? (IsLittle ? Limit / 20 : Limit / 4) : Ordinary;

    /// <summary>Whether what a run reached first could not have been reached with little fuel.</summary>
    public bool IsLate(int fuel) => fuel > Limit / 80;

    /// <summary>Of the next round.</summary>
    /// <param name="exhausted">How many of the runs that got the ordinary share burnt all of it.</param>
    /// <param name="ordinary">How many got it.</param>
    /// <param name="isLateNews">Whether something was reached for the first time, and late.</param>
    public FuelSupply Next(int exhausted, int ordinary, bool isLateNews) => this with { IsLittle = !isLateNews && 16 * exhausted > ordinary };
}
