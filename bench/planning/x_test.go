package planning
import ("testing";"fmt")
func TestX(t *testing.T){
 y,err:=Read("/work/shared/data/citylearn2022"); if err!=nil{t.Skip(err)}
 n:=len(y.Price)
 flat:=func(p float64)[]float64{x:=make([]float64,n);for i:=range x{x[i]=p};return x}
 for _,tf:=range []Tariff{{"tou8",y.Price,flat(80000)},{"flat",flat(300000),flat(80000)}}{
  s,err:=Community(&y,tf,n-91*24,n-61*24); if err!=nil{t.Fatal(err)}
  fmt.Printf("%s %+v share %.2f%%\n",tf.Name,s,s.Share()*100)
  o:=Single(&y,one(&y),tf,n-91*24,n-61*24,0)
  fmt.Printf("  one: %.2f%%\n",(o.Without-o.Plan)/(o.Without-o.Foresight)*100)
 }
}
