package planning
import ("testing";"fmt";"os";"math";"github.com/commonwatt/commonwatt/agent/plan")
func TestX(t *testing.T){
 dir:="/work/shared/data/citylearn2022"
 if _,e:=os.Stat(dir);e!=nil{t.Skip("no")}
 y,err:=Read(dir); if err!=nil{t.Fatal(err)}
 n:=len(y.Price)
 flat:=func(p float64)[]float64{x:=make([]float64,n);for i:=range x{x[i]=p};return x}
 dyn:=make([]float64,n); lo,hi:=math.Inf(1),0.; for i:=range dyn{dyn[i]=60000+y.Carbon[i]*1200000; lo=min(lo,dyn[i]);hi=max(hi,dyn[i])}
 fmt.Println(lo,hi)
 for d:=0;d<3;d++{ for h:=0;h<24;h++{fmt.Printf("%.0f ",dyn[(280+d)*24+h]/1e3)};fmt.Println()}
 for _,tf:=range []Tariff{{"dyn",dyn,flat(80000)}}{
  for _,tau:=range []float64{1,3,6,12} { plan.SoonX=tau; fmt.Println(tau)
for _,win:=range [][2]int{{n-91*24,n-51*24}}{
   for i:=range y.Homes{ if i%3==1{continue}; o:=Single(&y,&y.Homes[i],tf,win[0],win[1],0)
   fmt.Printf("%s without %.2f rule %.2f plan %.2f foresight %.2f gross %.2f over %.3f\n",o.Home,o.Without/1e6,o.Rule/1e6,o.Plan/1e6,o.Foresight/1e6,o.Gross/1e6,(o.Plan-o.Rule)/o.Gross)
   }
  }
 }}
}
